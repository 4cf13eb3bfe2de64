import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.identifiers import IdentifierError, IdentifierFault
from gateway.domain.phones import mask_phone, parse_mobile

PREFIXES = ("701", "747")


@pytest.mark.parametrize(
    "text",
    [
        "+77011234567",
        "87011234567",
        "77011234567",
        "+7 701 123 45 67",
        "8 (701) 123-45-67",
        "+7(701)123-45-67",
        " 8 701 123 45 67 ",
    ],
)
def test_a_mobile_number_is_kept_as_e164_however_it_is_written(text: str) -> None:
    assert parse_mobile(text, PREFIXES) == "+77011234567"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", IdentifierFault.WRONG_LENGTH),
        ("7011234567", IdentifierFault.WRONG_LENGTH),
        ("+7701123456", IdentifierFault.WRONG_LENGTH),
        ("+770112345678", IdentifierFault.WRONG_LENGTH),
        (f"+7701{' ' * 100}1234567", IdentifierFault.WRONG_LENGTH),
        ("+79161234567", IdentifierFault.NOT_A_MOBILE),
        ("+77271234567", IdentifierFault.NOT_A_MOBILE),
        ("+87011234567", IdentifierFault.NOT_A_MOBILE),
        ("97011234567", IdentifierFault.NOT_A_MOBILE),
        ("+7701123456٧", IdentifierFault.WRONG_CHARACTERS),
        ("+７7011234567", IdentifierFault.WRONG_CHARACTERS),
        ("+77011234567\n", IdentifierFault.WRONG_CHARACTERS),
        ("+77011234567\0", IdentifierFault.WRONG_CHARACTERS),
        ("7701+1234567", IdentifierFault.WRONG_CHARACTERS),
        ("++77011234567", IdentifierFault.WRONG_CHARACTERS),
        ("+7701123456a", IdentifierFault.WRONG_CHARACTERS),
    ],
)
def test_what_is_no_mobile_number_of_kazakhstan_is_refused(text: str, fault: IdentifierFault) -> None:
    with pytest.raises(IdentifierError) as error:
        parse_mobile(text, PREFIXES)
    assert error.value.code is fault


@given(text=st.one_of(st.text(), st.text(alphabet="+78 0147()-", max_size=30)))
def test_whatever_text_comes_becomes_e164_or_a_fault(text: str) -> None:
    with contextlib.suppress(IdentifierError):
        phone = parse_mobile(text, PREFIXES)
        assert phone.startswith(("+7701", "+7747"))
        assert len(phone) == 12
        assert parse_mobile(phone, PREFIXES) == phone


def test_a_masked_phone_shows_the_beginning_and_the_end() -> None:
    assert mask_phone("+77011234567") == "+7701•••••67"
