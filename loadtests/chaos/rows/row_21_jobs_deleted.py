"""Row 21: of the jobs that wait, some lose their place in the queue, their contents, or both."""

import random
import time
from pathlib import Path

import aiohttp
from redis.asyncio import Redis

from loadtests.chaos.applicants import apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service

_PEOPLE, _AT_ONCE = 1_200, 60
_QUEUE = "{42500}:cases"
# One in a hundred of all, in each of three ways.
_DELETED = _PEOPLE // 100


async def run(folder: Path) -> Measured:
    async with service(folder) as stack, aiohttp.ClientSession() as session:
        fault = f"{stack.standins_url}/faults/labour-market"
        # So that cases wait in the queue.
        await (await session.put(fault, json={"latency_ms": 4_000})).read()
        ledger = await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE)
        deleted = await _delete(stack)
        await (await session.delete(f"{stack.standins_url}/faults")).read()
        began = time.monotonic()
        losses = await check_books(stack, ledger)
        took_seconds = time.monotonic() - began
        left = await _left(stack)
    return judge(
        ledger,
        losses,
        f"{deleted} jobs deleted, a third of them from the queue, a third their contents, a third both; all "
        f"cases were decided {took_seconds:.0f} s later, {left} jobs left over.",
        held=deleted == 3 * _DELETED and left == 0,
        seconds=took_seconds,
    )


async def _delete(stack: Stack) -> int:
    """Return how many were there to be deleted; those that are being worked on are left alone."""
    async with stack.redis() as redis:
        waiting = [job for job in await redis.zrange(_QUEUE, 0, -1) if not await _is_running(redis, job)]
        chosen = random.sample(waiting, 3 * _DELETED)
        found = 0
        for at, job in enumerate(chosen):
            from_queue, contents = at % 3 != 0, at % 3 != 1
            removed = await redis.zrem(_QUEUE, job) if from_queue else 1
            removed_contents = await redis.delete(f"arq:job:{job}") if contents else 1
            found += bool(removed and removed_contents)
    return found


async def _is_running(redis: Redis, job: str) -> bool:
    return bool(await redis.exists(f"arq:in-progress:{job}"))


async def _left(stack: Stack) -> int:
    """Jobs in the queue once all is quiet."""

    async def is_empty() -> bool:
        async with stack.redis() as redis:
            return not await redis.zcard(_QUEUE)

    try:
        await until(is_empty, 20)
    except TimeoutError:
        async with stack.redis() as redis:
            return int(await redis.zcard(_QUEUE))
    return 0


ROW = Row(
    number=21,
    title="1 in 100 jobs deleted, in each of three ways",
    expected="the sweep finds all of them",
    broken_once="Without the sweep all 36 whose jobs were deleted were lost: not decided within 180 s.",
    run=run,
)
