from collections import defaultdict
from collections.abc import Iterable, Iterator

from gateway.domain.case import State
from loadtests.surge.books.clients import Clients
from loadtests.surge.books.register import Register
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "one application per person"
EXPECTED = "0 people accepted twice"

# After these one may apply again.
_OVER = frozenset({State.REFUSED, State.DENIED})


def check_persons(clients: Clients, register: Register) -> Verdict:
    """By the hash that the register keeps, and by who really came."""
    by_hash, by_visitor = defaultdict[str, list[str]](list), defaultdict[int, list[str]](list)
    for one, row in register.rows.items():
        if row.state not in _OVER:
            by_hash[row.person].append(one)
    for one, entry in clients.accepted.items():
        if one not in register.rows or register.rows[one].state not in _OVER:
            by_visitor[entry.person].append(one)
    faults = {*_twice(by_hash.values()), *_twice(by_visitor.values())}
    return judged(NAME, EXPECTED, sorted(faults))


def _twice(of_people: Iterable[list[str]]) -> Iterator[str]:
    return (f"{' and '.join(sorted(ids))} are one person's" for ids in of_people if len(ids) > 1)
