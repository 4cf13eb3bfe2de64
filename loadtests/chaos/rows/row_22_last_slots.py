"""Row 22: two hundred people at once for fifty slots, through four processes."""

from pathlib import Path

from loadtests.chaos.admitting import occupied
from loadtests.chaos.applicants import apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import service

_PEOPLE, _AT_ONCE, _SLOTS, _PROCESSES = 1_000, 200, 50, 4


async def run(folder: Path) -> Measured:
    limits = {"QABYLDAU_LIMIT": f"{_SLOTS}", "QABYLDAU_GATEWAYS": f"{_PROCESSES}"}
    async with service(folder, limits) as stack:
        await stack.keep_whole_aof()
        ledger = await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE)
        losses = await check_books(stack, ledger)
        slots = occupied(stack.aof)
    refused = ledger.answers[503, "full"]
    return judge(
        ledger,
        losses,
        f"{_AT_ONCE} at once, {_PROCESSES} processes: most ever live {slots.most} of {_SLOTS}, taken above "
        f"the limit {slots.over}, by the append-only file; {refused} times full.",
        # That the limit was what kept people out is part of it.
        held=slots.most == _SLOTS and not slots.over and refused > 0,
    )


ROW = Row(
    number=22,
    title="200 people at once for 50 slots, 4 processes",
    expected="never more than 50 live",
    broken_once="With a limit off by one (`admit.lua`) 51 of 50 were live, 1 taken above the limit.",
    run=run,
)
