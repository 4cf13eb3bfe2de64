"""Row 32: ten times as many as can be let in, for a minute; then fewer than can be."""

import time
from pathlib import Path

from loadtests.bench.loads import Result
from loadtests.chaos.gateway import gateway
from loadtests.chaos.row import Measured, Row, Verdict

_CROWD, _CROWD_SECONDS = 10.0, 60.0
_CALM, _PIECE_SECONDS, _PIECES = 0.8, 1.0, 12
_MOST_SECONDS = 10.0

# Well again: nobody is refused, and the answers are as quick as a person expects.
_QUICK_MS = 250.0


async def run(folder: Path) -> Measured:
    async with gateway(folder) as door:
        capacity = await door.capacity()
        crowd = await door.press(_CROWD * capacity, _CROWD_SECONDS)
        began = time.monotonic()
        well_after: float | None = None
        for _ in range(_PIECES):
            piece_began = time.monotonic() - began
            piece = await door.press(_CALM * capacity, _PIECE_SECONDS)
            if not _is_well(piece):
                well_after = None
            elif well_after is None:
                well_after = piece_began
    held = well_after is not None and well_after <= _MOST_SECONDS
    how = "never" if well_after is None else f"{well_after:.1f} s later"
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{_CROWD:.0f}× a capacity of {capacity:.0f}/s for {_CROWD_SECONDS:.0f} s, of which "
        f"{crowd.per_second('202'):.0f}/s were let in; then {_CALM}×: well again {how} (nobody refused, p99 "
        f"below {_QUICK_MS:.0f} ms, until the end).",
        acknowledged=crowd.answers.get("202", 0),
        seconds=well_after,
    )


def _is_well(piece: Result) -> bool:
    others = set(piece.answers) - {"202", "sent"}
    return not others and not piece.lost and piece.latency["202"].p99_ms <= _QUICK_MS


ROW = Row(
    number=32,
    title="10× for a minute, then 0.8×",
    expected="well again by itself within 10 s",
    broken_once="With a room that never grows back it was well again after 13.3 s only.",
    run=run,
)
