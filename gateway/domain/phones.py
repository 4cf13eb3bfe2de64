"""Mobile numbers of Kazakhstan. Which prefixes are mobile is configuration: operators are given new ones."""

import re
from collections.abc import Collection

from gateway.domain.identifiers import IdentifierError, IdentifierFault

# What people put between the digits; a plus only where it belongs, at the front.
_WRITTEN = re.compile(r" *\+?[0-9 ()\-]*")
_SEPARATORS = str.maketrans("", "", " ()-")

# A country digit and ten digits of the number.
LENGTH = 11
# The longest written form in use, `+7 (701) 123-45-67`, has 18 characters; the rest is room for untidiness.
MAX_WRITTEN = 40


def parse_mobile(text: str, prefixes: Collection[str]) -> str:
    """Return the number as E.164 (`+77011234567`) from `+7 7xx …`, `8 7xx …` or `77xx…`.

    `prefixes` are the three digits after the country code. Raises IdentifierError.
    """
    if not _WRITTEN.fullmatch(text):
        raise IdentifierError(IdentifierFault.WRONG_CHARACTERS)
    compact = text.translate(_SEPARATORS)
    digits = compact.removeprefix("+")
    if len(digits) != LENGTH or len(text) > MAX_WRITTEN:
        raise IdentifierError(IdentifierFault.WRONG_LENGTH)
    # The trunk digit 8 is dialled inside the country only, so `+8…` is another country.
    is_kazakh = compact.startswith(("+7", "7", "8"))
    if not is_kazakh or digits[1:4] not in prefixes:
        raise IdentifierError(IdentifierFault.NOT_A_MOBILE)
    return f"+7{digits[1:]}"


def mask_phone(e164: str) -> str:
    """Give what its owner recognises: `+7701•••••67`."""
    return f"{e164[:5]}•••••{e164[-2:]}"
