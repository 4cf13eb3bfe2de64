from loadtests.surge.books.in_flight import InFlight
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "empty at the end"
EXPECTED = "0 slots, cases, people waiting, leases past their end, marks that never go"


def check_emptied(in_flight: InFlight) -> Verdict:
    """Nothing of a run may stay behind, or there will be less room for the next."""
    left = {
        "slots": in_flight.live,
        "leases that should have lapsed": in_flight.overdue,
        "cases in process": len(in_flight.active),
        "jobs": in_flight.queued,
        "waiting": in_flight.waiting,
        "rate limits without an end": len(in_flight.everlasting_rates),
    }
    return judged(NAME, EXPECTED, [f"{count} {what}" for what, count in left.items() if count])
