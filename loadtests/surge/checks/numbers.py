from collections import Counter, defaultdict
from collections.abc import Iterator

from gateway.domain.case import journal_number
from loadtests.surge.books.clients import Clients
from loadtests.surge.books.e_maket import EMaket
from loadtests.surge.books.register import Register
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "journal numbers"
EXPECTED = "1, 2, 3 … without gaps, the same in all books"


def check_numbers(clients: Clients, register: Register, e_maket: EMaket, programme: str) -> Verdict:
    faults = [*_gaps(register, programme)]
    for whose, numbers in (
        ("the applicant", clients.numbers),
        ("E-Maket", {one: effect.number for one, effect in e_maket.taken.items()}),
    ):
        faults += [
            f"{one} is {register.rows[one].number}, and {whose} knows it as {number}"
            for one, number in numbers.items()
            if one in register.rows and register.rows[one].number != number
        ]
    return judged(NAME, EXPECTED, faults)


def _gaps(register: Register, programme: str) -> Iterator[str]:
    given = defaultdict[int, list[int]](list)
    for row in register.rows.values():
        given[row.year].append(row.sequence)
        if row.number != journal_number(programme, row.year, row.sequence):
            yield f"{row.application_id} has number {row.number} and sequence {row.sequence}"
    for year, last in register.counted.items():
        wrong = Counter(given[year])
        wrong.subtract(range(1, last + 1))
        for number, excess in sorted(wrong.items()):
            if excess:
                yield f"{year}: number {number} is there {1 + excess} times"
