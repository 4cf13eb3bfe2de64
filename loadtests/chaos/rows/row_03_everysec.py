"""Row 3: what a power cut takes when Redis syncs once a second instead of before each answer."""

import asyncio
import shutil
import time
from pathlib import Path

from msgspec import Struct

from loadtests.chaos.judging import LEAST_ACKNOWLEDGED
from loadtests.chaos.knocking import knocking, missing
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.tracing import NotTraceable, What, read_steps, traced
from loadtests.chaos.valkey import valkey

# A sync that is late holds writes up after two seconds.
_MOST_SECONDS = 2.5
_LOAD_SECONDS = 3.0


class Cut(Struct, frozen=True):
    """Of `acknowledged`: lost by killing the process, lost by cutting the power, and how old these were."""

    acknowledged: int
    lost_by_kill: int
    lost_by_power: int
    oldest_seconds: float


async def run(folder: Path) -> Measured:
    try:
        everysec = await _cut(folder / "everysec", "everysec")
        always = await _cut(folder / "always", "always")
    except NotTraceable as error:
        return Measured(verdict=Verdict.NOT_RUN, says=f"What was on disk cannot be told: {error}.")
    is_bounded = everysec.oldest_seconds <= _MOST_SECONDS and everysec.lost_by_kill == 0
    is_kept = always.lost_by_power == 0 and always.lost_by_kill == 0
    is_enough = min(everysec.acknowledged, always.acknowledged) >= LEAST_ACKNOWLEDGED
    return Measured(
        verdict=Verdict.HELD if is_bounded and is_kept and is_enough else Verdict.BROKEN,
        says=f"Power cut, that is the file up to the last fdatasync that had ended: {everysec.lost_by_power} "
        f"lost, answered at most {everysec.oldest_seconds:.1f} s before. By kill -9 alone "
        f"{everysec.lost_by_kill}. The same cut with `always`, which is what we ask for: "
        f"{always.lost_by_power} of {always.acknowledged}.",
        acknowledged=everysec.acknowledged,
        lost=everysec.lost_by_power,
    )


async def _cut(folder: Path, fsync: str) -> Cut:
    out = folder / "calls.txt"
    own, copy = folder / "redis", folder / "copy"
    async with valkey(own, appendfsync=fsync) as server:
        file = next(server.aof.glob("*.incr.aof"))
        size = file.stat().st_size
        pid = int((await server.store.redis.info("server"))["process_id"])
        async with traced(pid, out), knocking(server.store) as people:
            await people.until_answered(LEAST_ACKNOWLEDGED)
            await asyncio.sleep(_LOAD_SECONDS)
            await server.kill()
            killed_at = time.monotonic()
        shutil.copytree(own, copy)
        on_disk = size + _synced(out)
        with (copy / "appendonlydir" / file.name).open("r+b") as torn:
            torn.truncate(on_disk)
        await server.start()
        by_kill = await missing(server.store, people.answered)
    async with valkey(copy, appendfsync=fsync) as server:
        by_power = await missing(server.store, people.answered)
    oldest = max((killed_at - people.answered[one] for one in by_power), default=0.0)
    return Cut(len(people.answered), len(by_kill), len(by_power), oldest)


def _synced(out: Path) -> int:
    """Return how many bytes were surely on disk: written before a sync began that ended."""
    written = begun = synced = 0
    for step in read_steps(out):
        match step.what:
            case What.WROTE:
                written += step.size
            case What.BEGAN_TO_SYNC:
                begun = written
            case What.SYNCED:
                synced = begun
    return synced


ROW = Row(
    number=3,
    title="the power is cut under Redis with `appendfsync everysec`",
    expected="loss, stated and bounded: about two seconds of answers; nothing with `always`",
    broken_once="It is its own contrast: what `always` keeps, `everysec` loses.",
    run=run,
)
