"""Circuit breakers of state systems: one a programme and system, the same for all its workers."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from gateway.inflight.store import Store

# Of the calls within this time ...
WINDOW_MS = 10_000
# ... so many are no chance, nor are so many failures in a row ...
FEWEST_CALLS = 10
# ... and if so many of them fail, waiting helps the system and its cases more than asking.
FAILING_PERCENT = 50

# As long as a call may take: whoever restarts a system is not met by everybody after each second.
OPEN_MS = 5_000

# So many calls in a row that go well, of one a worker at a time, and the system is back.
PROBES_TO_CLOSE = 3


class Breaker(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Report(msgspec.Struct, frozen=True, array_like=True):
    """Calls of one worker that ended since its last report, and the state in which they began.

    `queue`: where the jobs are that need the system.
    """

    system: str
    queue: str
    state: Breaker
    good: int
    bad: int
    hold_ms: int


async def tell_breakers(store: Store, programme: str, reports: Sequence[Report]) -> list[Breaker]:
    """Return how the breaker of each report stands now, for all workers; raises StoreUnavailable."""
    states = await store.call(
        "breakers",
        programme,
        [value for report in reports for value in msgspec.structs.astuple(report)],
        window_ms=WINDOW_MS,
        fewest=FEWEST_CALLS,
        share_percent=FAILING_PERCENT,
        open_ms=OPEN_MS,
        probes=PROBES_TO_CLOSE,
    )
    return [Breaker(state.decode()) for state in states]


async def read_breakers(store: Store, programme: str) -> dict[str, Breaker]:
    """By system; one that no worker has told of is missing. Raises StoreUnavailable."""
    packed = await store.read("HGETALL", f"{{{programme}}}:breakers")
    return {system.decode(): Breaker(text.split()[0].decode()) for system, text in packed.items()}
