"""A line of 5 000 tickets through the real functions, on a simulated clock.

A tick is one second of the service clock, which is set from outside, so that an hour passes in a minute. A
slot is given back by lapsing, which frees it at the next tick: a little later than a case that is forwarded.
"""

from collections.abc import Iterable
from statistics import mean

from loadtests.bench.figures import Figure
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_crowd import LONGEST_WINDOW_MS, TICK_MS, Crowd
from loadtests.bench.redis_server import redis_server

TICKETS = 5_000
SLOTS = 500
HELD_MS = 300_000
LEAST_PERCENT = 95.0

# A line without a gap takes a third of it; whoever waits longer than that is a finding.
_MOST_SECONDS = 3 * TICKETS // SLOTS * HELD_MS // 1_000


async def move_the_line(plan: BenchPlan) -> list[Figure]:
    async with redis_server(plan) as server:
        crowd = Crowd(server.store, SLOTS, HELD_MS)
        await crowd.arrive(SLOTS + TICKETS)
        await crowd.pass_seconds(_MOST_SECONDS)
    in_line = [one for one in crowd.tickets if one.place.lane == 0]
    willing = SLOTS + sum(one.delay_ms is not None for one in in_line)
    kept_seconds = max(one.kept_ms for one in in_line) / 1_000
    longest = (LONGEST_WINDOW_MS + TICK_MS) / 1_000
    utilisation = 100 * mean(crowd.live_while_waiting) / SLOTS
    inversions = count_inversions(one.called_at_ms for one in in_line)
    rows = [
        ("line: called before somebody with an earlier ticket", inversions, "people", 0.0, True),
        ("line: came and got no slot", willing - crowd.served, "people", 0.0, True),
        ("line: longest that a slot was kept for nobody", kept_seconds, "s", longest, True),
        ("line: slots in use while people wait", utilisation, "%", LEAST_PERCENT, False),
    ]
    return [
        Figure(name=name, value=value, unit=unit, target=target, at_most=at_most)
        for name, value, unit, target, at_most in rows
    ]


def count_inversions(called_at_ms: Iterable[int]) -> int:
    """Count who was called before somebody with an earlier ticket; times in the order of the tickets."""
    latest, found = 0, 0
    for at_ms in called_at_ms:
        found += at_ms < latest
        latest = max(latest, at_ms)
    return found
