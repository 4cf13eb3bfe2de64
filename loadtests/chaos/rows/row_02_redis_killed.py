"""Row 2: Redis is killed again and again while people apply; it writes to disk before it answers."""

import asyncio
import time
from pathlib import Path

from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service

_PEOPLE, _AT_ONCE = 1_200, 60
_KILLS, _PAUSE_SECONDS = 4, 3.0


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack:
        async with meanwhile(_kill(stack, ledger)) as killing:
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
            killed_at = await killing
        losses = await check_books(stack, ledger)
    away = [_first_after(ledger, moment) - moment for moment in killed_at]
    refused = ledger.answers[503, "store_unavailable"]
    unanswered = ledger.answers[0, ""]
    others = ledger.unanswered - refused - unanswered
    return judge(
        ledger,
        losses,
        f"{len(killed_at)} kills; first 2xx after {', '.join(f'{seconds:.1f}' for seconds in away)} s; "
        f"meanwhile {refused} times 503 store_unavailable, {others} times another 5xx, {unanswered} "
        f"times no answer within the ten seconds that people have.",
        held=len(killed_at) == _KILLS and others == 0,
        seconds=max(away, default=None),
    )


async def _kill(stack: Stack, ledger: Ledger) -> list[float]:
    """Return when kills found people at it."""
    killed_at: list[float] = []
    for _ in range(_KILLS):
        await asyncio.sleep(_PAUSE_SECONDS)
        if ledger.acknowledged == _PEOPLE:
            break
        before = stack.pids("valkey")
        stack.kill("valkey")
        killed_at.append(time.monotonic())
        await stack.until_back("valkey", before)
    return killed_at


def _first_after(ledger: Ledger, moment: float) -> float:
    moments = (at for case in ledger.cases for at in (case.admitted_at, case.accepted_at) if at)
    return min((at for at in moments if at > moment + _ON_ITS_WAY_SECONDS), default=moment)


# An answer that Redis gave before it was killed may still be on its way.
_ON_ITS_WAY_SECONDS = 0.05

ROW = Row(
    number=2,
    title="kill -9 of Redis under load (`appendfsync always`), four times",
    expected="everything acknowledged is there; meanwhile 503",
    broken_once="With a Valkey without its append-only file, 106 people lost what had been acknowledged.",
    run=run,
)
