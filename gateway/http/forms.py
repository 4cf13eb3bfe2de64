"""Small bodies of a few texts, checked field by field, so that everything wrong is told at once."""

from collections.abc import Callable, Mapping

from gateway.domain.application import ANY_FIELD, FaultCode, FieldFault
from gateway.domain.identifiers import IdentifierError, IdentifierFault
from gateway.http.bodies import decode_object
from gateway.http.refusals import InvalidFields

CODE_LENGTH = 6

Check = Callable[[str], str]


def read_form(
    body: bytes, checks: Mapping[str, Check], optional: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the checked texts by field, without those that are optional and missing. Raises Refusal."""
    fields = decode_object(body)
    faults: list[FieldFault] = []
    texts: dict[str, str] = {}
    for field, check in checks.items():
        value = fields.get(field)
        if value is None:
            if field not in optional:
                faults.append(FieldFault(field, FaultCode.REQUIRED))
        elif not isinstance(value, str):
            faults.append(FieldFault(field, FaultCode.WRONG_TYPE))
        else:
            try:
                texts[field] = check(value)
            except IdentifierError as error:
                faults.append(FieldFault(field, error.code))
    if not fields.keys() <= checks.keys():
        faults.append(FieldFault(ANY_FIELD, FaultCode.UNKNOWN_FIELD))
    if faults:
        raise InvalidFields(faults)
    return texts


def parse_code(text: str) -> str:
    """Raise IdentifierError."""
    if not (text.isascii() and text.isdigit()):
        raise IdentifierError(IdentifierFault.NOT_DIGITS)
    if len(text) != CODE_LENGTH:
        raise IdentifierError(IdentifierFault.WRONG_LENGTH)
    return text
