"""What a tick costs while a hundred thousand who never come are called one after the other.

Beside it, in each second, the same line at a door that stays full: nobody is called there, and nobody missed.
"""

import msgspec

from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import tick
from gateway.inflight.steering import change_controls
from gateway.inflight.store import Store, door_key
from loadtests.bench.figures import Figure, median_figure, ratio_figure
from loadtests.bench.http_measure import NotAsExpected
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_applications import NEVER_MS, PROGRAMME
from loadtests.bench.redis_minting import mint
from loadtests.bench.redis_server import redis_server

ABANDONED, BEHIND_THEM = 100_000, 5_000
MOST_RATIO = 2.0

# As many as can be called before all of them were: each calls as many as a programme calls in a second.
_TICKS = ABANDONED // PROGRAMME.waiting_room.calls_per_second

_STILL, _MOVING = "tick, a full door and a line", f"tick, {ABANDONED} abandoned at the head of the line"


async def measure_ticks(plan: BenchPlan) -> list[Figure]:
    """Raises NotAsExpected when the line did not stand, or did not move, as it should."""
    async with redis_server(plan) as server:
        for programme in ("still", "moving"):
            await _queue(server.store, programme)
        moving = msgspec.structs.replace(PROGRAMME, code="moving")
        await change_controls(server.store, moving, {"limit": 2 * PROGRAMME.slots}, {})
        pairs = [
            (await _microseconds(server.store, "moving"), await _microseconds(server.store, "still"))
            for _ in range(_TICKS)
        ]
        await _check(server.store)
    return [
        ratio_figure(f"{_MOVING} ÷ {_STILL}", pairs, "µs", baseline=_STILL, target=MOST_RATIO, at_most=True),
        median_figure(_STILL, [still for _, still in pairs], "µs"),
    ]


async def _queue(store: Store, programme: str) -> None:
    await tick(store, programme, PROGRAMME.slots, KEPT_MS)
    await store.redis.zadd(f"{{{programme}}}:slots", {f"{n:032x}": NEVER_MS for n in range(PROGRAMME.slots)})
    await mint(store, programme, range(ABANDONED + BEHIND_THEM))


async def _microseconds(store: Store, programme: str) -> float:
    """Return what Redis itself took for the tick of the next second."""
    await store.redis.hincrby(door_key(programme), "svc", 1_000)  # type: ignore[misc]  # redis-py types one method for sync and async.
    await store.redis.config_resetstat()
    await tick(store, programme, PROGRAMME.slots, KEPT_MS)
    return float((await store.redis.info("commandstats"))["cmdstat_fcall"]["usec"])


async def _check(store: Store) -> None:
    still = (await tick(store, "still", PROGRAMME.slots, KEPT_MS)).line
    moving = (await tick(store, "moving", PROGRAMME.slots, KEPT_MS)).line
    if still.called or moving.floor < ABANDONED // 2 or moving.has_come(moving.floor):
        raise NotAsExpected(f"ticks: {still.called} and {moving.called} were called")
