"""Row 7: Redis has no memory left, with noeviction, while people apply and cases are in process."""

import asyncio
import time
from pathlib import Path

import aiohttp

from loadtests.chaos.applicants import Ledger, apply_many, check_books, effects_in_e_maket
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service

_BEFORE, _MEANWHILE, _AT_ONCE = 1_000, 150, 50
_FULL_SECONDS = 20.0
# Nearly all: who was taken in while it was being filled may still be on the way.
_LEAST_DONE = _BEFORE * 9 // 10


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack, aiohttp.ClientSession() as session:
        # Cases stand until the memory is full.
        await (await session.put(f"{stack.standins_url}/faults/labour-market", json={"hang": True})).read()
        await apply_many(stack.url, stack.standins_url, _BEFORE, _AT_ONCE, ledger=ledger)
        await _limit_memory(stack)
        await (await session.delete(f"{stack.standins_url}/faults")).read()
        done_before, admitted_before = len(await effects_in_e_maket(stack)), len(ledger.admitted)
        others = apply_many(stack.url, stack.standins_url, _MEANWHILE, _AT_ONCE, first=_BEFORE, ledger=ledger)
        async with meanwhile(others) as applying:
            await asyncio.sleep(_FULL_SECONDS)
            admitted = len(ledger.admitted) - admitted_before
            done = len(await effects_in_e_maket(stack)) - done_before
            evicted = await _give_memory(stack)
            freed = time.monotonic()
            await applying
        losses = await check_books(stack, ledger)
        took = time.monotonic() - freed
    refused = ledger.answers[503, "store_unavailable"]
    return judge(
        ledger,
        losses,
        f"While memory was full for {_FULL_SECONDS:.0f} s: {admitted} let in, {refused} times 503 "
        f"store_unavailable, {done} of {_BEFORE} cases in process forwarded, {evicted} keys evicted. All "
        f"others went through once there was memory.",
        held=admitted == 0 and refused > 0 and done >= _LEAST_DONE and evicted == 0,
        seconds=took,
    )


async def _limit_memory(stack: Stack) -> None:
    async with stack.redis() as redis:
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory", used // 2)


async def _give_memory(stack: Stack) -> int:
    """Return how many keys were evicted meanwhile."""
    async with stack.redis() as redis:
        await redis.config_set("maxmemory", 0)
        return int((await redis.info("stats"))["evicted_keys"])


ROW = Row(
    number=7,
    title="Redis has no memory left (noeviction)",
    expected="nobody is let in; cases in process go on and free their slots; nothing is evicted",
    broken_once="With admit allowed to run without memory (allow-oom) 50 were let in.",
    run=run,
)
