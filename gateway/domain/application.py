"""What an applicant gives, checked field by field, so that everything wrong is told at once."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import Struct

from gateway.domain.identifiers import Bin, Iban, IdentifierError, Iin, decode_identifier
from gateway.domain.programme import Category, Employer, EmployerKind, Programme
from gateway.domain.texts import LANGUAGES

MIN_NAME, MAX_NAME = 2, 200
# RFC 5321: a path of 256 characters, less its angle brackets; 64 of them before the @.
MAX_EMAIL = 254
# Names a field that does not exist: a name that was sent is never repeated.
ANY_FIELD = "*"

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
_PARSERS = {EmployerKind.BIN: Bin.parse, EmployerKind.IIN: Iin.parse}

T = TypeVar("T")


class FaultCode(StrEnum):
    """What is wrong with a field, beside IdentifierFault. Clients rely on it: add, never rename."""

    REQUIRED = "required"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_CATEGORY = "unknown_category"
    UNKNOWN_LANGUAGE = "unknown_language"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NO_LETTERS = "no_letters"
    CONTROL_CHARACTERS = "control_characters"
    WRONG_EMAIL = "wrong_email"
    # The phone has confirmed as many persons as one phone may.
    PHONE_SPENT = "phone_spent"


class WarningCode(StrEnum):
    """What is unusual and yet accepted."""

    IIN_WITHOUT_BIRTH_DATE = "iin_without_birth_date"


class FieldFault(Struct, frozen=True):
    field: str
    code: str


class Application(Struct, frozen=True):
    """A checked application: numbers proven and normalised, what no step needs left out."""

    category: str
    iin: str
    employer: str | None
    full_name: str
    iban: str
    email: str | None
    language: str

    def __repr__(self) -> str:
        # Reprs end up in tracebacks and logs, and this one would be a person.
        return f"Application(category={self.category!r})"


class _Form(Struct, forbid_unknown_fields=True):
    category: str
    iin: Iin
    full_name: str
    iban: Iban
    employer: str | msgspec.UnsetType | None = msgspec.UNSET
    email: str | msgspec.UnsetType | None = msgspec.UNSET
    language: str | msgspec.UnsetType | None = msgspec.UNSET


_FORM = msgspec.json.Decoder(_Form, dec_hook=decode_identifier)
# Four keys and their four texts.
_QUOTES_OF_REQUIRED = 16
FIELDS = frozenset(_Form.__struct_fields__)


class _FieldError(ValueError):
    def __init__(self, code: FaultCode) -> None:
        super().__init__(code.value)
        self.code = code


def read_application(
    body: bytes, programme: Programme, default_language: str
) -> Application | list[FieldFault] | None:
    """Check an application in one decode, which serves nearly all of them.

    None: the body is unusual; look at it slowly and use `check_application`. Any other outcome is final,
    and the body is a JSON object without duplicate keys.
    """
    # Without escaped quotes every quote belongs to a key or a text: a duplicate key shows in their number.
    if b'\\"' in body:
        return None
    try:
        form = _FORM.decode(body)
    except (ValueError, RecursionError):
        return None
    if body.count(b'"') != _quotes(form):
        return None
    try:
        return _read_form(form, programme, default_language)
    except (_FieldError, IdentifierError):
        # One fault was met; this gathers all of them.
        given = msgspec.structs.asdict(form).items()
        fields = {name: value for name, value in given if value is not msgspec.UNSET}
        return check_application(fields, programme, default_language)


def _quotes(form: _Form) -> int:
    """Count the quotation marks of the form written without duplicate keys."""
    quotes = _QUOTES_OF_REQUIRED
    for value in (form.employer, form.email, form.language):
        if value is not msgspec.UNSET:
            quotes += 2 if value is None else 4
    return quotes


def _read_form(form: _Form, programme: Programme, default_language: str) -> Application:
    """Raise _FieldError or IdentifierError for the first fault."""
    category = _category(form.category, programme)
    return Application(
        category,
        str(form.iin),
        _employer(_given(form.employer), programme.category(category)),
        _full_name(form.full_name),
        str(form.iban),
        _email(_given(form.email)),
        _language(_given(form.language), default_language),
    )


def _given(value: str | msgspec.UnsetType | None) -> str | None:
    return None if value is msgspec.UNSET else value


def check_application(
    fields: Mapping[str, object], programme: Programme, default_language: str
) -> Application | list[FieldFault]:
    """Return the application, or every fault found. Whether its category is open: ask the programme."""
    faults: list[FieldFault] = []

    def checked(field: str, check: Callable[[object], T]) -> T | None:
        try:
            return check(fields.get(field))
        except (_FieldError, IdentifierError) as error:
            faults.append(FieldFault(field, error.code))
            return None

    category = checked("category", lambda value: _category(value, programme))
    iin = checked("iin", lambda value: Iin.parse(_text(value)))
    employer = checked("employer", lambda value: _employer(value, programme.category(category or "")))
    full_name = checked("full_name", _full_name)
    iban = checked("iban", lambda value: Iban.parse(_text(value)))
    email = checked("email", _email)
    language = checked("language", lambda value: _language(value, default_language))
    if not fields.keys() <= FIELDS:
        faults.append(FieldFault(ANY_FIELD, FaultCode.UNKNOWN_FIELD))
    if faults or category is None or iin is None or full_name is None or iban is None or language is None:
        return faults
    # Plain text from here on: msgspec writes no subclass of str into the sealed record.
    return Application(category, str(iin), employer, full_name, str(iban), email, language)


def warnings_of(application: Application) -> tuple[str, ...]:
    if Iin(application.iin).has_birth_date:
        return ()
    return (WarningCode.IIN_WITHOUT_BIRTH_DATE,)


def _text(value: object) -> str:
    text = _optional_text(value)
    if text is None:
        raise _FieldError(FaultCode.REQUIRED)
    return text


def _optional_text(value: object) -> str | None:
    # An input left empty in a form is sent as empty text: that is nothing, not something wrong.
    if value is None:
        return None
    if not isinstance(value, str):
        raise _FieldError(FaultCode.WRONG_TYPE)
    return value if value.strip() else None


def _category(value: object, programme: Programme) -> str:
    name = _text(value)
    if programme.category(name) is None:
        raise _FieldError(FaultCode.UNKNOWN_CATEGORY)
    return name


def _employer(value: object, category: Category | None) -> str | None:
    """Keep an employer only where a step needs it (the law on personal data: only what a step needs)."""
    text = _optional_text(value)
    if category is None or category.employer is Employer.NONE:
        return None
    if text is None:
        if category.employer is Employer.REQUIRED:
            raise _FieldError(FaultCode.REQUIRED)
        return None
    return _employer_number(text, category.employer_kinds)


def _employer_number(text: str, kinds: tuple[EmployerKind, ...]) -> str:
    *others, last = kinds
    for kind in others:
        try:
            return str(_PARSERS[kind](text))
        except IdentifierError:
            continue
    return str(_PARSERS[last](text))


def _full_name(value: object) -> str:
    # A no-break space comes with names copied from documents.
    text = unicodedata.normalize("NFC", _text(value).replace("\u00a0", " "))
    # This covers control characters, invisible format characters and lone surrogates.
    if not text.isprintable():
        raise _FieldError(FaultCode.CONTROL_CHARACTERS)
    name = text.strip()
    if len(name) > MAX_NAME:
        raise _FieldError(FaultCode.TOO_LONG)
    if not any(map(str.isalpha, name)):
        raise _FieldError(FaultCode.NO_LETTERS)
    if len(name) < MIN_NAME:
        raise _FieldError(FaultCode.TOO_SHORT)
    return name


def _email(value: object) -> str | None:
    text = _optional_text(value)
    if text is None:
        return None
    if not text.isprintable():
        raise _FieldError(FaultCode.CONTROL_CHARACTERS)
    address = text.strip()
    if len(address) > MAX_EMAIL:
        raise _FieldError(FaultCode.TOO_LONG)
    if not _EMAIL.fullmatch(address):
        raise _FieldError(FaultCode.WRONG_EMAIL)
    return address


def _language(value: object, default: str) -> str:
    language = _optional_text(value)
    if language is not None and language not in LANGUAGES:
        raise _FieldError(FaultCode.UNKNOWN_LANGUAGE)
    return language or default
