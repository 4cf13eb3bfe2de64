"""What Redis needs for five million who wait; being written durably or not makes no difference to that."""

import asyncio

from redis.asyncio import Redis

from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import tick
from gateway.inflight.steering import change_controls
from loadtests.bench.figures import Figure
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_applications import PROGRAMME
from loadtests.bench.redis_minting import mint
from loadtests.bench.redis_server import redis_server, used_mb

WAITING = 5_000_000
MOST_MB = 200.0

# What limits remember of people is over two windows after the last of them came, and freed by a tick.
_REMEMBERED = f"{{{PROGRAMME.code}}}:rate:*"

# As each gateway does.
_TICK_SECONDS = 1.0
_MOST_TICKS = 180


async def _is_forgotten(redis: Redis) -> bool:
    """Tell whether what is over is gone from memory too: large hashes are freed beside the commands."""
    memory = await redis.info("memory")
    return not await redis.keys(_REMEMBERED) and not memory["lazyfree_pending_objects"]


async def measure_waiting(plan: BenchPlan) -> list[Figure]:
    """Raises NotAsExpected when somebody gets no ticket."""
    code = PROGRAMME.code
    async with redis_server(plan, fsync="no") as server:
        await tick(server.store, code, PROGRAMME.slots, KEPT_MS)
        await change_controls(server.store, PROGRAMME, {"limit": 0}, {})
        none = await used_mb(server.store)
        await mint(server.store, code, range(WAITING))
        for _ in range(_MOST_TICKS):
            if await _is_forgotten(server.store.redis):
                break
            await asyncio.sleep(_TICK_SECONDS)
            await tick(server.store, code, PROGRAMME.slots, KEPT_MS)
        waiting = (await tick(server.store, code, PROGRAMME.slots, KEPT_MS)).waiting
        memory = await server.store.redis.info("memory")
    name = f"memory of {waiting} who wait"
    used = memory["used_memory"] / 1e6 - none, memory["used_memory_peak"] / 1e6 - none
    return [
        Figure(name=name, value=used[0], unit="MB", target=MOST_MB, at_most=True),
        Figure(name=f"{name}, while limits remember who just came", value=used[1], unit="MB"),
    ]
