"""People of whom nothing may be told, and what else their data may look like."""

import json
from base64 import b64encode
from typing import NamedTuple

from tests.integration.http.journey import form

NAME, EMAIL = "Құралай Жасырынова", "quralay.zhasyryn@example.kz"
FORM = form(full_name=NAME, email=EMAIL)


class Person(NamedTuple):
    iin: str
    iban: str
    phone: str

    def form(self, **changes: object) -> dict[str, object]:
        return FORM | {"iin": self.iin, "iban": self.iban, **changes}


def disguises(text: str) -> set[bytes]:
    """UTF-8, JSON with escapes, hexadecimal, and base64 wherever it may begin in a group of three bytes."""
    data = text.encode()
    found = {data, json.dumps(text)[1:-1].encode(), data.hex().encode(), data.hex().upper().encode()}
    for before in range(3):
        # Only the characters in which no neighbour has a part.
        whole = slice(-(-before * 8 // 6), (before + len(data)) * 8 // 6)
        encoded = b64encode(bytes(before) + data)[whole]
        found |= {encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))}
    return found
