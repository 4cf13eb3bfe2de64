"""Row 7: Redis runs short of memory, with noeviction, while people apply and cases are in process."""

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
_SHORT_SECONDS, _FULL_SECONDS = 20.0, 5.0
# Somebody else's, so that what the cases free is little of all.
_BALLAST_BYTES = 100_000_000
_SHORT_PERCENT, _FULL_PERCENT = 95, 200
# Gateways see it with their next tick.
_SEEN_SECONDS = 2.0
# Nearly all: who was taken in while it was being filled may still be on the way.
_LEAST_DONE = _BEFORE * 9 // 10


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack, aiohttp.ClientSession() as session:
        # Cases stand until the memory is short.
        await (await session.put(f"{stack.standins_url}/faults/labour-market", json={"hang": True})).read()
        await apply_many(stack.url, stack.standins_url, _BEFORE, _AT_ONCE, ledger=ledger)
        await _load_ballast(stack)
        await _fill_memory(stack, _SHORT_PERCENT)
        await asyncio.sleep(_SEEN_SECONDS)
        await (await session.delete(f"{stack.standins_url}/faults")).read()
        done_before, admitted_before = len(await effects_in_e_maket(stack)), len(ledger.admitted)
        others = apply_many(stack.url, stack.standins_url, _MEANWHILE, _AT_ONCE, first=_BEFORE, ledger=ledger)
        async with meanwhile(others) as applying:
            await asyncio.sleep(_SHORT_SECONDS)
            done = len(await effects_in_e_maket(stack)) - done_before
            await _fill_memory(stack, _FULL_PERCENT)
            await asyncio.sleep(_FULL_SECONDS)
            admitted = len(ledger.admitted) - admitted_before
            evicted = await _give_memory(stack)
            freed = time.monotonic()
            await applying
        losses = await check_books(stack, ledger)
        took = time.monotonic() - freed
    refused = ledger.answers[503, "store_unavailable"]
    return judge(
        ledger,
        losses,
        f"{_SHORT_SECONDS:.0f} s with {_SHORT_PERCENT} % of the memory used, {_FULL_SECONDS:.0f} s with none "
        f"left: {admitted} let in, {refused} times 503 store_unavailable, {evicted} keys evicted; {done} of "
        f"{_BEFORE} cases in process forwarded while it was short. All others went through once there was "
        f"memory.",
        held=admitted == 0 and refused > 0 and done >= _LEAST_DONE and evicted == 0,
        seconds=took,
    )


async def _load_ballast(stack: Stack) -> None:
    async with stack.redis() as redis:
        await redis.set("ballast", b"x" * _BALLAST_BYTES)


async def _fill_memory(stack: Stack, percent: int) -> None:
    async with stack.redis() as redis:
        used = (await redis.info("memory"))["used_memory"]
        await redis.config_set("maxmemory", used * 100 // percent)


async def _give_memory(stack: Stack) -> int:
    """Return how many keys were evicted meanwhile."""
    async with stack.redis() as redis:
        await redis.config_set("maxmemory", 0)
        await redis.delete("ballast")
        return int((await redis.info("stats"))["evicted_keys"])


ROW = Row(
    number=7,
    title="Redis is short of memory, and then has none left (noeviction)",
    expected="nobody is let in; cases in process go on and free their slots; nothing is evicted",
    broken_once="With a tick that never finds memory short 150 were let in.",
    run=run,
)
