"""Row 1: the gateway is killed again and again while people apply."""

import asyncio
from pathlib import Path

import msgspec

from loadtests.chaos.applicants import Ledger, apply_many, ask_again, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service

_PEOPLE, _AT_ONCE = 1_200, 60
_KILLS, _PAUSE_SECONDS = 4, 2.0


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack:
        async with meanwhile(_kill(stack, ledger)) as killing:
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
            kills = await killing
        losses = await check_books(stack, ledger)
        other_ids = await ask_again(stack, ledger)
    return judge(
        ledger,
        msgspec.structs.replace(losses, doubled=losses.doubled + other_ids),
        f"{kills} kills under {_AT_ONCE} at once, {ledger.unanswered} calls unanswered and sent again; every "
        f"form sent once more with its key at the end: {other_ids} times another id.",
        held=kills == _KILLS,
    )


async def _kill(stack: Stack, ledger: Ledger) -> int:
    """Return how many kills found people at it."""
    kills = 0
    for _ in range(_KILLS):
        await asyncio.sleep(_PAUSE_SECONDS)
        if ledger.acknowledged == _PEOPLE:
            break
        before = stack.pids("gateway")
        stack.kill("gateway")
        kills += 1
        await stack.until_back("gateway", before)
    return kills


ROW = Row(
    number=1,
    title="kill -9 of the gateway under load, four times",
    expected="every 2xx is there in the end; a repeated call brings the same id",
    broken_once="With idempotency keys not kept (`admit.lua`) 1 200 of 1 200 repeats brought another id.",
    run=run,
)
