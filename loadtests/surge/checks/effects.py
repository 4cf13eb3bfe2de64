from collections import defaultdict

from gateway.domain.case import State
from loadtests.surge.books.e_maket import EMaket
from loadtests.surge.books.register import Register
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "one effect per person"
EXPECTED = "0 people for whom E-Maket acted twice"


def check_effects(e_maket: EMaket, register: Register | None) -> Verdict:
    """Whoever was denied may apply again, and then have another effect."""
    faults = [
        f"{one} took effect {effect.effects} times"
        for one, effect in e_maket.taken.items()
        if effect.effects != 1
    ]
    of_person = defaultdict[str, list[str]](list)
    for one in e_maket.taken.keys() & (register.rows.keys() if register else set()):
        row = register.rows[one] if register else None
        if row and row.state is not State.DENIED:
            of_person[row.person].append(one)
    faults += [f"{' and '.join(sorted(ids))} are one person's" for ids in of_person.values() if len(ids) > 1]
    return judged(NAME, EXPECTED, faults)
