"""Row 16: a step of ours raises, or never ends, in some of all cases."""

from pathlib import Path

from loadtests.chaos import weakness
from loadtests.chaos.applicants import apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import service
from loadtests.chaos.systems import counted

_PEOPLE, _AT_ONCE = 1_100, 20
_RAISES, _HANGS = 0.2, 0.01
_FEWEST_MISTAKES = 100


async def run(folder: Path) -> Measured:
    file = folder / "weakness.json"
    weakness.write(file, raises=_RAISES, hangs=_HANGS)
    async with service(folder, weakness.environ_with(file)) as stack:
        ledger = await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE)
        losses = await check_books(stack, ledger)
        mistakes = await counted(stack, "qabyldau_worker_mistakes_total")
        over = stack.log.read_text(errors="replace").count('"error":"TimeoutError"')
        # A job that was dropped is found by the sweep, later: nobody is to need it.
        dropped = await counted(stack, "qabyldau_recovered_total", 'kind="requeued"')
        dead = await counted(stack, "qabyldau_cases_parked_total", 'reason="dead_letter"')
    return judge(
        ledger,
        losses,
        f"{mistakes} exceptions and {over} jobs without an end (given up after 18 s); {dropped} jobs "
        f"dropped, {dead} dead letters.",
        held=mistakes >= _FEWEST_MISTAKES and over > 0 and not dropped and not dead,
    )


ROW = Row(
    number=16,
    title="one verification in five raises, one in a hundred never ends",
    expected="each is tried again, later and later; none is dropped",
    broken_once="When an exception ended the job, 278 jobs were dropped; the sweep found them, later.",
    run=run,
)
