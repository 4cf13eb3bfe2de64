"""Personal data in what the service leaves behind: logs, Redis' file, the register's, counts.

One pass a file finds all that looks like a number of a person; only that is looked up. Digits are found in
clear, in hexadecimal and in base64, names and addresses of mail by what all made-up ones have in common.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from loadtests import people
from loadtests.surge.casting import Visit, form

# The account in an IBAN, a run of digits, and whole groups of base64 that stand for three digits each: eleven
# digits hold three such groups wherever they begin.
_SUSPECT = re.compile(
    rb"(?P<account>722[Cc][0-9]{12})|(?P<digits>[0-9]{10,})"
    rb"|(?P<base64>(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){3,})"
)
_IIN_DIGITS, _PHONE_DIGITS, _GROUPED_DIGITS = 12, 10, 9

# In hexadecimal a digit is a 3 and itself.
_HEXADECIMAL = re.compile(rb"(?:3[0-9]){9,}")

# What the name and the address of mail of every made-up person begin with.
_NAME, _MAIL = people.form(0)["full_name"].split(" ")[0], people.form(0)["email"].split(".0@")[0]


class Canaries(Struct, frozen=True):
    """Numbers of people: IIN, phone without country code, account; and all nine digits in a row of these."""

    iins: frozenset[bytes]
    phones: frozenset[bytes]
    accounts: frozenset[bytes]
    pieces: frozenset[bytes]

    def has_clear(self, digits: bytes) -> bool:
        if len(digits) == _IIN_DIGITS:
            return digits in self.iins
        # With the country code, or the 8 of old, or without.
        return len(digits) < _IIN_DIGITS and digits[-_PHONE_DIGITS:] in self.phones

    def has_part(self, digits: bytes) -> bool:
        return any(piece in self.pieces for piece in _pieces(digits))


def canaries_of(visits: Iterable[Visit]) -> Canaries:
    first = {visit.person: visit for visit in visits}.values()
    forms = [form(visit) for visit in first]
    iins = frozenset(one["iin"].encode() for one in forms)
    accounts = frozenset(one["iban"][-12:].encode() for one in forms)
    phones = frozenset(people.phone(visit.person)[-_PHONE_DIGITS:].encode() for visit in first)
    # A phone is written with its country code, where nine of its digits are to be found at any beginning.
    numbers = iins | accounts | {b"7" + phone for phone in phones}
    pieces = frozenset(piece for number in numbers for piece in _pieces(number))
    return Canaries(iins, phones, accounts, pieces)


def find_traces(files: Iterable[Path], canaries: Canaries) -> Iterator[str]:
    """Yield where personal data is: file, kind and place, never the data."""
    for path in files:
        if path.stat().st_size:
            with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                for kind, at in _find(data, canaries):
                    yield f"{path.name}: {kind} at byte {at}"


def _find(data: mmap, canaries: Canaries) -> Iterator[tuple[str, int]]:
    for match in _SUSPECT.finditer(data):
        if _is_known(match.lastgroup, match[0], canaries):
            yield f"a person's number ({match.lastgroup})", match.start()
    for kind, text in (("a name", _NAME), ("an address of mail", _MAIL)):
        for disguise in disguises(text):
            if (at := data.find(disguise)) >= 0:
                yield kind, at


def _is_known(kind: str | None, found: bytes, canaries: Canaries) -> bool:
    match kind:
        case "account":
            return found[-_IIN_DIGITS:] in canaries.accounts
        case "base64":
            return canaries.has_part(base64.b64decode(found))
        case _:
            in_hexadecimal = (bytes.fromhex(one.decode()) for one in _HEXADECIMAL.findall(found))
            return canaries.has_clear(found) or any(map(canaries.has_part, in_hexadecimal))


def _pieces(digits: bytes) -> Iterator[bytes]:
    for at in range(len(digits) - _GROUPED_DIGITS + 1):
        yield digits[at : at + _GROUPED_DIGITS]


def disguises(text: str) -> set[bytes]:
    """UTF-8, JSON with escapes, URL, hexadecimal, and base64 wherever it begins in a group of three bytes."""
    data = text.encode()
    found = {data, json.dumps(text)[1:-1].encode(), quote(text).encode(), data.hex().encode()}
    for before in range(3):
        # Only the characters in which no neighbour has a part.
        whole = slice(-(-before * 8 // 6), (before + len(data)) * 8 // 6)
        found.add(base64.b64encode(b"\0" * before + data)[whole])
    return found
