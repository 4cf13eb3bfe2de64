"""Who arrives: each planned arrival becomes a visit of somebody with habits. The same in every process."""

import random
from collections import deque
from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import product

import msgspec
from msgspec import Struct

from gateway.domain.identifiers import IdentifierError, Iin
from loadtests import people
from loadtests.surge.profiles import Mix, Profile

# Nobody comes again within so many seconds of real life, and whoever does is one of the last so many before
# that: chosen among all, the first of the day would come a dozen times.
_AGAIN_AFTER_SECONDS = 100.0
_AGAIN_AMONG = 100

# Special people have a day of birth of their own out of fifty years; later visits of a run are ordinary ones.
_BIRTHDAYS = 18_250
_FIRST_BIRTHDAY = date(1950, 1, 1)

_BOTS_ADDRESS = "203.0.113.7"


class Kind(StrEnum):
    """Who comes; the rest of them are bots, by what they try."""

    PERSON = "person"
    FORGER = "forger"
    FLOODER = "flooder"
    ENUMERATOR = "enumerator"
    GUESSER = "guesser"


_BOTS = tuple(kind for kind in Kind if kind is not Kind.PERSON)


class Habit(StrEnum):
    """The shares of a mix that describe how people behave."""

    BAD_DATA = "bad_data"
    STUBBORN = "stubborn"
    IMPATIENT = "impatient"
    LEAVING = "leaving"
    VANISHING = "vanishing"
    KEYED = "keyed"
    CHECKING = "checking"


class Fate(StrEnum):
    """What the state says to somebody whose form is right."""

    ASSIGNED = "assigned"
    REFUSED = "refused"
    DENIED = "denied"


# The serials by which the stand-ins know whom to refuse (Labour Market) and whom to deny (the Fund).
_SERIALS = {Fate.REFUSED: "9990", Fate.DENIED: "9993"}


class Visit(Struct, frozen=True):
    """`person` is the ordinal of whoever comes, `ordinal` that of the visit; neither is personal."""

    ordinal: int
    at_seconds: float
    person: int
    kind: Kind = Kind.PERSON
    fate: Fate = Fate.ASSIGNED
    habits: frozenset[Habit] = frozenset()
    is_repeat: bool = False


def cast(profile: Profile, arrivals: Sequence[float], seed: int, first_person: int = 0) -> list[Visit]:
    """Return a visit for each arrival, in order; visits and new people are counted from `first_person` on."""
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated, not a secret.
    mix, visits = profile.mix, list[Visit]()
    fresh, may_return = deque[Visit](), deque[Visit](maxlen=_AGAIN_AMONG)
    for index, at_seconds in enumerate(arrivals):
        # All chances are drawn for every visit, so that changing one share leaves everybody else as they are.
        bot, repeat, which, fate = (rng.random() for _ in range(4))
        habits = frozenset(habit for habit in Habit if rng.random() < getattr(mix, habit))
        visit = Visit(first_person + index, at_seconds, first_person + index, habits=habits)
        while fresh and fresh[0].at_seconds + _AGAIN_AFTER_SECONDS * profile.pace <= at_seconds:
            may_return.append(fresh.popleft())
        again = int(which * _AGAIN_AMONG)
        if bot < mix.bots:
            visit = msgspec.structs.replace(visit, kind=_BOTS[int(which * len(_BOTS))], habits=frozenset())
        elif repeat < mix.duplicates and again < len(may_return):
            first = may_return[-1 - again]
            visit = msgspec.structs.replace(visit, person=first.person, fate=first.fate, is_repeat=True)
        else:
            visit = msgspec.structs.replace(visit, fate=_fate(fate, mix, index))
            fresh.append(visit)
        visits.append(visit)
    return visits


def form(visit: Visit) -> dict[str, str]:
    """Return the right form of whoever visits."""
    right = people.form(visit.person)
    if visit.fate is not Fate.ASSIGNED:
        right["iin"] = _special_iin(visit.person, _SERIALS[visit.fate])
    return right


def mistaken(right: dict[str, str], rng: random.Random) -> dict[str, str]:
    """Return the form with one of the mistakes that most were refused for in 2020: person, or account."""
    iin, iban = right["iin"], right["iban"]
    wrong = (
        {"iin": _with_next_digit(iin)},
        {"iin": iin[:-1]},
        {"iban": _with_next_digit(iban)},
        {"iban": "DE89370400440532013000"},
        {"full_name": " "},
    )
    return {**right, **rng.choice(wrong)}


def address(visit: Visit, people_per_address: int) -> str:
    """Return where a visit comes from: a mobile carrier puts many behind one address, all bots share one."""
    if visit.kind is not Kind.PERSON:
        return _BOTS_ADDRESS
    return people.address(visit.person // people_per_address)


def _fate(chance: float, mix: Mix, index: int) -> Fate:
    if index >= _BIRTHDAYS or chance >= mix.refused + mix.denied:
        return Fate.ASSIGNED
    return Fate.REFUSED if chance < mix.refused else Fate.DENIED


def _special_iin(person: int, serial: str) -> str:
    birthday = f"{_FIRST_BIRTHDAY + timedelta(days=person % _BIRTHDAYS):%y%m%d}"
    # Where the number of a man has no check digit, that of a woman has.
    for century, check in product("34", "0123456789"):
        try:
            return str(Iin.parse(f"{birthday}{century}{serial}{check}"))
        except IdentifierError:
            continue
    raise AssertionError("the remainders of the two differ by the seventh weight")


def _with_next_digit(number: str) -> str:
    """A digit misread: no check digit lets that pass."""
    return f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
