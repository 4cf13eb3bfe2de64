"""Row 4: what Redis does first, seen from the kernel: write, sync, answer."""

from pathlib import Path

from gateway.inflight.admission import MOST_PER_CALL
from loadtests.bench.redis_applications import rules
from loadtests.chaos.admitting import admitted, let_in, newcomers
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.tracing import NotTraceable, Step, What, read_steps, traced
from loadtests.chaos.valkey import Valkey, valkey

_ALONE, _TOGETHER = 600, 640


async def run(folder: Path) -> Measured:
    out = folder / "calls.txt"
    async with valkey(folder / "redis") as server:
        try:
            async with traced(await _pid(server), out):
                count = await _let_in(server)
        except NotTraceable as error:
            return Measured(verdict=Verdict.NOT_RUN, says=f"{error}.")
    after, before = count_answers(list(read_steps(out)))
    # Loading the library is answered too.
    held = before == 0 and count == _ALONE + _TOGETHER and after >= _ALONE + _TOGETHER // MOST_PER_CALL
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{count} applications, {_ALONE} of them one a call: {after} answers after fdatasync, {before} "
        f"before it.",
        acknowledged=count,
        lost=before,
    )


def count_answers(steps: list[Step]) -> tuple[int, int]:
    """Return how many answers came with everything synced that was written, and how many before."""
    after = before = 0
    is_synced = is_new = False
    for step in steps:
        match step.what:
            case What.WROTE:
                is_synced, is_new = False, True
            case What.SYNCED:
                is_synced = True
            case What.ANSWERED if is_new:
                after, before = after + is_synced, before + (not is_synced)
                is_new = not is_synced
    return after, before


async def _pid(server: Valkey) -> int:
    return int((await server.store.redis.info("server"))["process_id"])


async def _let_in(server: Valkey) -> int:
    decisions = []
    for one in newcomers(0, _ALONE):
        decisions += await let_in(server.store, rules(_ALONE + _TOGETHER), [one])
    decisions += await let_in(server.store, rules(_ALONE + _TOGETHER), newcomers(_ALONE, _TOGETHER))
    return admitted(decisions)


ROW = Row(
    number=4,
    title="strace of Redis while it admits",
    expected="fdatasync ends before the answer is sent, each time",
    broken_once="With appendfsync everysec all 621 answers came before fdatasync.",
    run=run,
    cheap=True,
)
