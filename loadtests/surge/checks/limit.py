from loadtests.surge.books.in_flight import InFlight
from loadtests.surge.books.writes import Writes
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "slots within the limit"
EXPECTED = "no step of Redis takes a slot above the limit in force"


def check_limit(writes: Writes, in_flight: InFlight) -> Verdict:
    """The high-water mark that the service keeps, and the same recomputed from every write."""
    faults = [*writes.over]
    if in_flight.high != writes.live:
        faults.append(f"the service noted {in_flight.high} at most, its writes say {writes.live}")
    return judged(NAME, EXPECTED, faults, f"{max(writes.live, writes.high)} of {writes.limit}")
