"""Row 13: a worker stands still for longer than its lease, and then goes on where it was."""

import asyncio
import os
import signal
from pathlib import Path

from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service
from loadtests.chaos.under_way import count_events, running_cases, set_fault, tokens_of

_PEOPLE, _AT_ONCE = 1_200, 60
_UNDER_WAY = 20

# Longer than the thirty seconds after which arq gives its jobs to others.
_STOPPED_SECONDS = 34.0

# What a worker says when it learns that its token is stale, from Redis, the register or E-Maket.
_LEFT = "case_left_to_a_later_worker"


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder, {"QABYLDAU_WORKERS": "2"}) as stack:
        async with meanwhile(_stop(stack)) as stopping:
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
            held, taken_over = await stopping
        losses = await check_books(stack, ledger)
        refused = count_events(stack, _LEFT)
    return judge(
        ledger,
        losses,
        f"Stopped for {_STOPPED_SECONDS:.0f} s with {held} cases under way; others took {taken_over}; "
        f"awake again, its tokens were refused {refused} times.",
        held=taken_over > 0 and refused > 0,
    )


async def _stop(stack: Stack) -> tuple[int, int]:
    """Return how many cases were under way, and how many of them went into other hands meanwhile."""
    await set_fault(stack, "labour-market", latency_ms=3_000)
    await until(lambda: _are_under_way(stack))
    victim = stack.pids("worker")[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        async with stack.redis() as redis:
            before = await running_cases(redis)
            await set_fault(stack, "labour-market")
            # Those of the other worker are done by then.
            await asyncio.sleep(8)
            theirs = {one for one, token in (await tokens_of(redis, before)).items() if token == before[one]}
            await asyncio.sleep(_STOPPED_SECONDS - 8)
            after = await tokens_of(redis, theirs)
    finally:
        os.kill(victim, signal.SIGCONT)
    return len(theirs), sum(after.get(one) != before[one] for one in theirs)


async def _are_under_way(stack: Stack) -> bool:
    async with stack.redis() as redis:
        return len(await running_cases(redis)) >= _UNDER_WAY


ROW = Row(
    number=13,
    title="SIGSTOP of a worker for longer than its lease, then SIGCONT",
    expected="what it holds is stale and refused; each effect once",
    broken_once="With a token given a second time, others had taken none and none was refused.",
    run=run,
)
