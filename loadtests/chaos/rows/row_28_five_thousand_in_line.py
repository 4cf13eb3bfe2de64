"""Row 28: five thousand wait, one in ten never comes, one in twenty comes too late."""

from pathlib import Path

from loadtests.bench.redis_crowd import LONGEST_WINDOW_MS, TICK_MS, Crowd
from loadtests.bench.redis_line import HELD_MS, SLOTS, TICKETS, count_inversions
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.valkey import valkey

# A line without a gap takes a third of it; whoever waits longer than that is a finding.
_MOST_SECONDS = 3 * TICKETS // SLOTS * HELD_MS // 1_000


async def run(folder: Path) -> Measured:
    # Nothing is killed here and the clock is simulated: durable writes would only take time.
    async with valkey(folder, appendfsync="no") as server:
        crowd = Crowd(server.store, SLOTS, HELD_MS)
        await crowd.arrive(SLOTS + TICKETS)
        await crowd.pass_seconds(_MOST_SECONDS)
    in_line = [one for one in crowd.tickets if one.place.lane == 0]
    willing = SLOTS + sum(one.delay_ms is not None for one in in_line)
    abandoned = sum(one.delay_ms is None for one in in_line)
    inversions = count_inversions(one.called_at_ms for one in in_line)
    kept_ms = max(one.kept_ms for one in in_line)
    lost, is_kept_short = willing - crowd.served, kept_ms <= LONGEST_WINDOW_MS + TICK_MS
    held = len(in_line) == TICKETS and inversions == 0 and lost == 0 and is_kept_short
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{len(in_line)} tickets for {SLOTS} slots, {abandoned} of them abandoned: {inversions} "
        f"inversions; a slot was kept for whoever did not come for {kept_ms / 1000:.0f} s at most; "
        f"{crowd.served} of {willing} others were served. The clock is simulated.",
        acknowledged=len(crowd.tickets),
        lost=lost,
        doubled=0,
    )


ROW = Row(
    number=28,
    title="5 000 tickets, 1 in 10 abandoned",
    expected="called in order; what was kept for the abandoned is given to the next",
    broken_once="With windows dropped from the wrong end (`_waiting.lua`) a slot was kept for 262 s.",
    run=run,
    cheap=True,
)
