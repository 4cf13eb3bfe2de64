"""Numbers that the state gives to people, legal entities and bank accounts.

The check digit of IIN and BIN: order № 521 of the Minister of Internal Affairs, 29.06.2023.
The IBAN: ISO 13616, registered structure for Kazakhstan `3!n13!c`.
"""

import re
import string
from datetime import date
from enum import StrEnum
from operator import mul
from typing import Any, Self

FIRST_WEIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
SECOND_WEIGHTS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)

# Both are the numbers 1 to 11.
_WEIGHT_OF_ZEROS = ord("0") * sum(FIRST_WEIGHTS)

NUMBER_LENGTH = 12
IBAN_LENGTH = 20

# Digit 7 of an IIN names the century of birth. Those that name none are served by 2000: it has a 29 February.
CENTURIES = {"1": 1800, "2": 1800, "3": 1900, "4": 1900, "5": 2000, "6": 2000}
ANY_CENTURY = 2000

# YYMM of registration; resident, non-resident or joint entrepreneur; head, branch, representation or farm;
# then serial and check digit.
_BIN_STRUCTURE = re.compile(r"[0-9]{2}(?:0[1-9]|1[0-2])[4-6][0-3][0-9]{6}")
_IBAN_CHARACTERS = re.compile(r"[0-9A-Z]*")
_IBAN_STRUCTURE = re.compile(r"KZ[0-9]{2}[0-9]{3}[0-9A-Z]{13}")

# A stands for 10, Z for 35.
_LETTER_NUMBERS = str.maketrans({letter: str(int(letter, 36)) for letter in string.ascii_uppercase})

# ISO 7064 yields check digits 02 to 98; 00, 01 and 99 leave the same remainder but are never issued.
IBAN_CHECKS = range(2, 99)


class IdentifierFault(StrEnum):
    """What is wrong with a number. Part of the contract with clients: add, never rename."""

    WRONG_LENGTH = "wrong_length"
    NOT_DIGITS = "not_digits"
    WRONG_CHARACTERS = "wrong_characters"
    WRONG_COUNTRY = "wrong_country"
    WRONG_STRUCTURE = "wrong_structure"
    WRONG_CHECK_DIGIT = "wrong_check_digit"
    NOT_A_MOBILE = "not_a_mobile"


class IdentifierError(ValueError):
    """Carries the fault and never the number, so that it may be logged."""

    def __init__(self, code: IdentifierFault) -> None:
        super().__init__(code.value)
        self.code = code


class _Identifier(str):
    """Text that `parse` has proven. Its repr is masked, because reprs end up in tracebacks and logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}('{self[:4]}…')"


class Iin(_Identifier):
    """Number of a person. Its date part is not checked: resolution № 853 of 26.08.2013 untied it."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        if type(text) is cls:
            return text
        _check_number(text)
        return cls(text)

    @property
    def has_birth_date(self) -> bool:
        year = CENTURIES.get(self[6], ANY_CENTURY) + int(self[:2])
        try:
            date(year, int(self[2:4]), int(self[4:6]))
        except ValueError:
            return False
        return True


class Bin(_Identifier):
    """Number of a legal entity, branch or joint enterprise."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        if type(text) is cls:
            return text
        _check_number(text)
        if not _BIN_STRUCTURE.fullmatch(text):
            raise IdentifierError(IdentifierFault.WRONG_STRUCTURE)
        return cls(text)


class Iban(_Identifier):
    """Account in a bank of Kazakhstan, without spaces and in capitals."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        if type(text) is cls:
            return text
        # Only ASCII is put into capitals: `str.upper` turns some foreign letters into ASCII ones.
        if not text.isascii():
            raise IdentifierError(IdentifierFault.WRONG_CHARACTERS)
        compact = text.replace(" ", "").upper()
        _check_iban(compact)
        return cls(compact)


def decode_identifier(type_: type, value: Any) -> Any:
    """Serve msgspec as `dec_hook` for fields typed Iin, Bin or Iban.

    The ValidationError that comes of it is for programs only: it is in English and names one fault of many.
    """
    if not issubclass(type_, Iin | Bin | Iban):
        # msgspec's own word for a type that a hook does not serve.
        raise NotImplementedError(type_.__name__)
    if not isinstance(value, str):
        raise IdentifierError(IdentifierFault.WRONG_CHARACTERS)
    return type_.parse(value)


def mask_iin(iin: str) -> str:
    """Give what a person recognises as their own number and a stranger cannot use: `9001••••••12`."""
    return f"{iin[:4]}••••••{iin[-2:]}"


def _check_number(text: str) -> None:
    # `str.isdigit` alone would let Arabic-Indic and full-width digits through.
    if not (text.isascii() and text.isdigit()):
        raise IdentifierError(IdentifierFault.NOT_DIGITS if text else IdentifierFault.WRONG_LENGTH)
    if len(text) != NUMBER_LENGTH:
        raise IdentifierError(IdentifierFault.WRONG_LENGTH)
    if _check_digit(text[:-1]) != int(text[-1]):
        raise IdentifierError(IdentifierFault.WRONG_CHECK_DIGIT)


def _check_digit(digits: str) -> int | None:
    """Return None when both passes give 10: such a number is never issued."""
    # Their codes, each the digit and that of zero, are there without a step for each.
    codes = digits.encode()
    for weights in (FIRST_WEIGHTS, SECOND_WEIGHTS):
        remainder: int = (sum(map(mul, weights, codes)) - _WEIGHT_OF_ZEROS) % 11
        if remainder < 10:  # noqa: PLR2004 — ten is the one remainder that is not a digit.
            return remainder
    return None


def _check_iban(compact: str) -> None:
    if not _IBAN_CHARACTERS.fullmatch(compact):
        raise IdentifierError(IdentifierFault.WRONG_CHARACTERS)
    if compact[:2].isalpha() and compact[:2] != "KZ":
        raise IdentifierError(IdentifierFault.WRONG_COUNTRY)
    if len(compact) != IBAN_LENGTH:
        raise IdentifierError(IdentifierFault.WRONG_LENGTH)
    if not _IBAN_STRUCTURE.fullmatch(compact):
        raise IdentifierError(IdentifierFault.WRONG_STRUCTURE)
    number = (compact[4:] + compact[:4]).translate(_LETTER_NUMBERS)
    if int(number) % 97 != 1 or int(compact[2:4]) not in IBAN_CHECKS:
        raise IdentifierError(IdentifierFault.WRONG_CHECK_DIGIT)
