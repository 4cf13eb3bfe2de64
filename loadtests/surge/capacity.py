"""What the system does in a second here, with this generator beside it: the unit of all offered load."""

from collections.abc import Iterable

from msgspec import Struct

from loadtests.surge.ledger import Entry, Outcome, Step
from loadtests.surge.plan import Closed
from loadtests.surge.profiles import Point, Profile

# A journey takes about two seconds of waiting for SMS and looking; so many at once keep every stage busy up
# to a hundred and fifty a second.
PEOPLE = 300

# Until they are spread over all stages.
_WARM_UP_SECONDS = 4.0
_MEASURED_SECONDS = 8.0

CLOSED = Closed(PEOPLE, _WARM_UP_SECONDS + _MEASURED_SECONDS)

# Nobody thinks, mistypes, waits in line or goes away.
PROFILE = Profile(
    name="capacity",
    description="As many at once as keep every stage busy, one person after the other, without pauses",
    limit=4 * PEOPLE,
    curve=(Point(0, 1), Point(CLOSED.seconds, 1)),
    drain_seconds=30,
    pace=1,
)


class Capacity(Struct, frozen=True):
    """People who came through from the form to the end of the case in a second, and the answers it took."""

    people_per_second: float
    answers_per_second: float


class NoCapacity(Exception):
    """Nobody came through, so nothing can be offered as a multiple of it."""


def measure(entries: Iterable[Entry]) -> Capacity:
    """Count what was done after the warm-up. Raises NoCapacity."""
    seen = list(entries)
    if not seen:
        raise NoCapacity("nobody was answered")
    began_at_us = min(entry.sent_at_us for entry in seen) + int(_WARM_UP_SECONDS * 1_000_000)
    ended_at_us = began_at_us + int(_MEASURED_SECONDS * 1_000_000)
    measured = [entry for entry in seen if began_at_us <= entry.answered_at_us < ended_at_us]
    served = sum(entry.outcome is Outcome.SERVED for entry in measured)
    if not served:
        raise NoCapacity("nobody came through: see service.log")
    answers = sum(entry.step not in {Step.SMS, Step.END} for entry in measured)
    return Capacity(served / _MEASURED_SECONDS, answers / _MEASURED_SECONDS)
