from loadtests.surge.books.clients import Clients
from loadtests.surge.books.in_flight import InFlight
from loadtests.surge.books.register import Register
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "no lost answer of success"
EXPECTED = "0 of those let in unknown, 0 of those accepted unregistered"

# So long a record stays in Redis after its end.
_KEPT_US = 3_600_000_000


def check_promises(clients: Clients, in_flight: InFlight, register: Register, now_us: int) -> Verdict:
    """Whoever heard 202 has a record, lapsed or not; whoever heard 200 to the code is in the register."""
    faults = [
        f"{one} was let in (visit {entry.visit}) and nobody knows it"
        for one, entry in clients.admitted.items()
        if one not in in_flight.cases
        and one not in register.rows
        and entry.answered_at_us > now_us - _KEPT_US
    ]
    faults += [
        f"{one} was accepted (visit {entry.visit}) and is not in the register"
        for one, entry in clients.accepted.items()
        if one not in register.rows
    ]
    return judged(NAME, EXPECTED, faults)
