"""Row 1: the gateway is killed again and again while people apply."""

import asyncio
from contextlib import suppress
from pathlib import Path

from loadtests.chaos.applicants import Ledger, apply_many, ask_again, check_books
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import Stack, service

_PEOPLE, _AT_ONCE = 1_200, 60
_KILLS, _PAUSE_SECONDS = 4, 2.0


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack:
        killing = asyncio.create_task(_kill(stack, ledger))
        try:
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
            kills = await killing
        finally:
            killing.cancel()
            with suppress(asyncio.CancelledError):
                await killing
        losses = await check_books(stack, ledger)
        other_ids = await ask_again(stack, ledger)
    held = kills == _KILLS and ledger.acknowledged == _PEOPLE and not losses.lost + losses.doubled + other_ids
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{kills} kills under {_AT_ONCE} at once, {ledger.unanswered} calls unanswered and sent again; "
        f"the same key asked once more at the end brought another id {other_ids} times. {losses.says}",
        acknowledged=ledger.acknowledged,
        lost=losses.lost,
        doubled=losses.doubled + other_ids,
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
    broken_once="",
    run=run,
)
