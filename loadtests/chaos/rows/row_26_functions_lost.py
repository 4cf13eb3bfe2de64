"""Row 26: scripts and functions are thrown out under load, and Redis is restarted."""

import asyncio
from pathlib import Path

from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service

_PEOPLE, _AFTER_RESTART, _AT_ONCE = 1_000, 100, 60
_EVERY_SECONDS = 0.5


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack:
        flushes: list[int] = []
        async with meanwhile(_flush(stack, flushes)):
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
        unanswered = ledger.unanswered
        before = stack.pids("valkey")
        stack.kill("valkey")
        await stack.until_back("valkey", before)
        async with stack.redis() as redis:
            libraries = len(await redis.execute_command("FUNCTION", "LIST"))
        urls = stack.url, stack.standins_url
        await apply_many(*urls, _AFTER_RESTART, _AT_ONCE, first=_PEOPLE, ledger=ledger)
        losses = await check_books(stack, ledger)
    return judge(
        ledger,
        losses,
        f"FUNCTION FLUSH and SCRIPT FLUSH {len(flushes)} times: {unanswered} calls answered 5xx or not at "
        f"all. After a restart {libraries} library was there by itself.",
        held=unanswered == 0 and libraries == 1 and len(flushes) > 1,
    )


async def _flush(stack: Stack, flushes: list[int]) -> None:
    async with stack.redis() as redis:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await redis.execute_command("FUNCTION", "FLUSH", "SYNC")
            await redis.execute_command("SCRIPT", "FLUSH", "SYNC")
            flushes.append(1)


ROW = Row(
    number=26,
    title="FUNCTION FLUSH and SCRIPT FLUSH under load, twice a second; then a restart",
    expected="the library is loaded again within the call that misses it: no 5xx",
    broken_once="Without the reload the service did not even become ready.",
    run=run,
)
