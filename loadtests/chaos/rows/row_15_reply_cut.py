"""Row 15: E-Maket takes cases and its replies are cut, now and then, under load."""

import asyncio
from pathlib import Path

from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service
from loadtests.chaos.systems import counted, put_fault

_PEOPLE, _AT_ONCE = 1_200, 20
_CUT_SECONDS, _WELL_SECONDS = 1.0, 2.0
_FEWEST_CUT = 50


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder) as stack:
        async with meanwhile(_cut_now_and_then(stack)):
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
        await put_fault(stack, "e-maket")
        losses = await check_books(stack, ledger)
        calls = "qabyldau_system_calls_total"
        cut = await counted(stack, calls, 'system="e_maket"', 'outcome="connection"')
    return judge(
        ledger, losses, f"{cut} replies cut after the case had taken effect.", held=cut >= _FEWEST_CUT
    )


async def _cut_now_and_then(stack: Stack) -> None:
    while True:
        await put_fault(stack, "e-maket", drop_reply=True)
        await asyncio.sleep(_CUT_SECONDS)
        await put_fault(stack, "e-maket")
        await asyncio.sleep(_WELL_SECONDS)


ROW = Row(
    number=15,
    title="E-Maket has taken the case, and its reply is cut",
    expected="sent again under the same key; one effect",
    broken_once="With another idempotency key at each try 197 cases took effect twice.",
    run=run,
)
