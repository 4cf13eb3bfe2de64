"""Made-up people, each a pure function of a number: what they are called by, and where they come from.

Distinct numbers give distinct values as long as they are below MOST_PEOPLE.
"""

from datetime import date, timedelta
from operator import mul

from gateway.domain.identifiers import FIRST_WEIGHTS

# Serials of an IIN that a day of birth is used with: from 9990 on they mean something to the stand-ins.
_SERIALS = 9_990

_FIRST_BIRTHDAY = date(1950, 1, 1)

# Mobile codes of the programme of 42 500 tenge, each with ten million numbers.
_PREFIXES = ("701", "702", "705", "707", "708", "747", "771", "775", "776", "777", "778")
_NUMBERS_PER_PREFIX = 10_000_000

# Neighbours in the book of telephones share a limit of codes, so people are spread over all of it: a factor
# without a divisor in common with its size gives everybody a phone of their own.
_PHONES_APART = 1_000_003

# Ten thousand days of birth and ten prefixes hold as many.
MOST_PEOPLE = 100_000_000

# Open, and without an employer.
_CATEGORIES = ("entrepreneur", "private_practice", "contractor")
_LANGUAGES = ("kk", "ru", "en")


def iin(n: int) -> str:
    """Return a valid number with a date of birth that exists and a serial that the stand-ins let pass."""
    day, serial = divmod(n, _SERIALS)
    birthday = f"{_FIRST_BIRTHDAY + timedelta(days=day):%y%m%d}"
    # The digit 7 is 3 for men and 4 for women of that century: where one has no check digit, the other has.
    for century in "34":
        digits = f"{birthday}{century}{serial:04}"
        check = sum(map(mul, FIRST_WEIGHTS, map(int, digits))) % 11
        if check < 10:  # noqa: PLR2004 - ten is the one remainder that is not a digit.
            return f"{digits}{check}"
    raise AssertionError("the remainders of the two differ by the seventh weight")


def iban(n: int) -> str:
    # ISO 13616: letters count from A = 10, the country and two zeros go to the end; C is 12, K 20 and Z 35.
    check = 98 - int(f"72212{n:012}203500") % 97
    return f"KZ{check:02}722C{n:012}"


def phone(n: int) -> str:
    prefix, number = divmod(n * _PHONES_APART % MOST_PEOPLE, _NUMBERS_PER_PREFIX)
    return f"+7{_PREFIXES[prefix]}{number:07}"


def address(n: int) -> str:
    """Return a client address out of 10.0.0.0/8; after sixteen millions they come again."""
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def form(n: int) -> dict[str, str]:
    """Return what a person fills in, as the body of an application has it."""
    return {
        "category": _CATEGORIES[n % len(_CATEGORIES)],
        "iin": iin(n),
        "full_name": f"Қанарова Айжан {n}-қызы",
        "iban": iban(n),
        "email": f"aizhan.qanarova.{n}@example.kz",
        "language": _LANGUAGES[n % len(_LANGUAGES)],
    }
