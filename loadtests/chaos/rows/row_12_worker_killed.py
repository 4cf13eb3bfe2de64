"""Row 12: a worker is killed in the middle of its jobs, three times."""

import asyncio
import os
import signal
import time
from pathlib import Path

from redis.asyncio import Redis

from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service
from loadtests.chaos.under_way import running_cases, set_fault, tokens_of

# For each kill.
_PEOPLE, _AT_ONCE = 400, 60
_KILLS = 3

# At least so many cases are in the hands of the two workers when one is killed.
_UNDER_WAY = 20

# arq sees a job again thirty seconds after its run began; then a poll of the queue, and the taking itself.
_LEASE_SECONDS = 32.0


async def run(folder: Path) -> Measured:
    ledger, cut_off, longest_seconds = Ledger(), 0, 0.0
    async with service(folder, {"QABYLDAU_WORKERS": "2"}) as stack:
        for kill in range(_KILLS):
            # Others come for each, or on a quick machine all would be through before the second.
            async with meanwhile(_kill(stack)) as killing:
                first = kill * _PEOPLE
                await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, first=first, ledger=ledger)
                left, seconds = await killing
            cut_off, longest_seconds = cut_off + left, max(longest_seconds, seconds)
        losses = await check_books(stack, ledger)
    return judge(
        ledger,
        losses,
        f"{_KILLS} kills cut {cut_off} cases off; the time is that until others had the last of them.",
        held=cut_off > 0 and longest_seconds <= _LEASE_SECONDS,
        seconds=longest_seconds,
    )


async def _kill(stack: Stack) -> tuple[int, float]:
    """Return how many cases the dead had in its hands, and after how long the last was in others."""
    await set_fault(stack, "labour-market", latency_ms=3_000)
    await until(lambda: _are_under_way(stack))
    victim = stack.pids("worker")[0]
    async with stack.redis() as redis:
        before = await running_cases(redis)
        os.kill(victim, signal.SIGKILL)
        killed_at = time.monotonic()
        await set_fault(stack, "labour-market")
        # Those of the other worker are done within its seconds of waiting.
        await asyncio.sleep(6)
        left = await _still_with_the_same(redis, before)
        count = len(left)
        while left:
            await asyncio.sleep(0.05)
            left = await _still_with_the_same(redis, left)
    return count, time.monotonic() - killed_at


async def _are_under_way(stack: Stack) -> bool:
    async with stack.redis() as redis:
        return len(await running_cases(redis)) >= _UNDER_WAY


async def _still_with_the_same(redis: Redis, cases: dict[str, str]) -> dict[str, str]:
    now = await tokens_of(redis, cases)
    return {one: token for one, token in cases.items() if now.get(one) == token}


ROW = Row(
    number=12,
    title="kill -9 of a worker in the middle of its jobs, three times",
    expected="another takes its cases within the lease of 30 s",
    broken_once="With a lease of seventy seconds, 19 cases cut off came into other hands too late.",
    run=run,
)
