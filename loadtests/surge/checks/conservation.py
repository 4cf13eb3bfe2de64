from collections import Counter
from collections.abc import Iterator

from gateway.domain.case import DECIDED, ENDED, PROCESSING, State
from loadtests.surge.books.clients import Clients
from loadtests.surge.books.e_maket import EMaket
from loadtests.surge.books.in_flight import InFlight
from loadtests.surge.books.register import Register
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "four books agree"
EXPECTED = "accepted = registered = forwarded + refused + parked + in process"

_FORWARDED = DECIDED | {State.FORWARDED}
_REGISTERED = PROCESSING | _FORWARDED | {State.REFUSED, State.PARKED}


def check_conservation(clients: Clients, in_flight: InFlight, register: Register, e_maket: EMaket) -> Verdict:
    """The client's ledger, Redis, the register and E-Maket: ids, one by one."""
    faults = [
        *_accepted(clients, in_flight, register),
        *_states(in_flight, register),
        *_at_e_maket(in_flight, register, e_maket),
        *_decisions(clients, register, e_maket),
    ]
    return judged(NAME, EXPECTED, faults, _sum(register))


def _accepted(clients: Clients, in_flight: InFlight, register: Register) -> Iterator[str]:
    known = register.rows.keys() | in_flight.active
    for one in sorted(clients.accepted.keys() - known):
        yield f"{one} was accepted for the applicant and for nobody else"
    if in_flight.accepted != len(known):
        yield f"Redis accepted {in_flight.accepted}, register and queue have {len(known)}"


def _states(in_flight: InFlight, register: Register) -> Iterator[str]:
    for one, row in register.rows.items():
        if row.state not in _REGISTERED:
            yield f"{one} is {row.state} in the register"
        elif row.state in PROCESSING and one not in in_flight.active:
            yield f"{one} is {row.state} in the register and in nobody's hands"
    for one in sorted(in_flight.active & register.rows.keys()):
        if register.rows[one].state in ENDED | _FORWARDED:
            yield f"{one} is {register.rows[one].state} in the register and still in process"


def _at_e_maket(in_flight: InFlight, register: Register, e_maket: EMaket) -> Iterator[str]:
    here = {one for one, row in register.rows.items() if row.state in _FORWARDED}
    for one in sorted(here - e_maket.taken.keys()):
        yield f"{one} is forwarded and not at E-Maket"
    # Whoever is in process may have arrived there a moment ago.
    for one in sorted(e_maket.taken.keys() - here - in_flight.active):
        yield f"{one} is at E-Maket and not forwarded"


def _decisions(clients: Clients, register: Register, e_maket: EMaket) -> Iterator[str]:
    for one, decision in e_maket.decisions.items():
        if one in register.rows and register.rows[one].state != decision:
            yield f"{one} was {decision} by E-Maket and is {register.rows[one].state}"
    for one, end in clients.ends.items():
        if end not in register.been.get(one, set()):
            yield f"{one} was {end} for the applicant and never in the register"


def _sum(register: Register) -> str:
    counts = Counter(
        "forwarded" if row.state in _FORWARDED else "in process" if row.state in PROCESSING else row.state
        for row in register.rows.values()
    )
    parts = " + ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"{len(register.rows)} = {parts}" if parts else "0"
