from loadtests.surge.books.in_flight import InFlight
from loadtests.surge.books.writes import Writes
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "nothing ends early"
EXPECTED = "0 leases or windows before their time of service"


def check_times(writes: Writes, in_flight: InFlight) -> Verdict:
    """Leases and windows run on the service clock, which no outage moves; none is shorter than was told."""
    faults = [
        f"{one} lapsed {case.expires_ms - case.lapsed_at_ms} ms before what was told"
        for one, case in in_flight.cases.items()
        if case.lapsed_at_ms is not None and case.lapsed_at_ms < case.expires_ms
    ]
    return judged(NAME, EXPECTED, [*writes.untimely, *faults])
