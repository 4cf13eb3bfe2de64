"""What a check digit promises about one changed digit.

The first pass weighs positions 1 to 11 by 1 to 11, modulo 11. A change by d at position p moves the sum by
p·d.

- Positions 1 to 10: p·d is never a multiple of the prime 11, so the remainder always changes. While it is a
  digit before and after, the check digit changes with it: detection is promised. Nothing is when one is 10:
  that number's check digit comes from the second pass and may by chance be equal to the other's.
- Position 11 weighs 11, which is nothing, so the first remainder stays. When it is a digit, the change is
  never noticed. When it is 10, the second pass decides, where this position weighs 2: detection is promised.
- Position 12 is the check digit itself: detection is promised.

Of an IBAN, modulo 97, a digit for a digit moves the sum by d·10^e with d up to 9, a letter for a letter with
d up to 25: never a multiple of the prime 97, so both are promised. A letter for a digit shifts all that
stands before it, and nothing is promised.
"""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.identifiers import Bin, Iban, IdentifierError, IdentifierFault, Iin

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_refused(type_: type[Iin | Bin | Iban], text: str) -> bool:
    try:
        type_.parse(text)
    except IdentifierError as error:
        return error.code is IdentifierFault.WRONG_CHECK_DIGIT
    return False


def remainder(number: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False)) % 11


def first_pass(number: str) -> int:
    return remainder(number, tuple(range(1, 12)))


def check_digit(eleven: str) -> int:
    first = first_pass(eleven)
    return first if first < 10 else remainder(eleven, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))


def is_detection_promised(number: str, changed: str, position: int) -> bool:
    if position == 12:
        return True
    if position == 11:
        return first_pass(number) == 10
    return first_pass(number) < 10 and first_pass(changed) < 10


def iban_check(account: str) -> str:
    number = "".join(str(int(character, 36)) for character in f"{account}KZ00")
    return f"{98 - int(number) % 97:02}"


def change(text: str, position: int, character: str) -> str:
    return f"{text[: position - 1]}{character}{text[position:]}"


elevens = st.from_regex(r"[0-9]{11}", fullmatch=True).filter(lambda eleven: check_digit(eleven) < 10)
iins = elevens.map(lambda eleven: f"{eleven}{check_digit(eleven)}")
bin_elevens = st.from_regex(r"[0-9]{2}(0[1-9]|1[0-2])[4-6][0-3][0-9]{5}", fullmatch=True)
bins = bin_elevens.filter(lambda eleven: check_digit(eleven) < 10).map(
    lambda eleven: f"{eleven}{check_digit(eleven)}"
)
ibans = st.from_regex(r"[0-9]{3}[0-9A-Z]{13}", fullmatch=True).map(
    lambda account: f"KZ{iban_check(account)}{account}"
)


@given(number=iins, position=st.integers(1, 12), digit=st.sampled_from("0123456789"))
def test_one_changed_digit_of_an_iin_is_refused_where_the_scheme_promises_it(
    number: str, position: int, digit: str
) -> None:
    changed = change(number, position, digit)

    assert Iin.parse(number) == number
    if changed != number and is_detection_promised(number, changed, position):
        assert is_refused(Iin, changed)


@given(number=iins.filter(lambda number: first_pass(number) < 10), digit=st.sampled_from("0123456789"))
def test_a_changed_eleventh_digit_goes_unnoticed_after_one_pass(number: str, digit: str) -> None:
    assert Iin.parse(change(number, 11, digit))


@given(number=bins, position=st.integers(1, 12), digit=st.sampled_from("0123456789"))
def test_one_changed_digit_of_a_bin_is_refused_where_the_scheme_promises_it(
    number: str, position: int, digit: str
) -> None:
    changed = change(number, position, digit)

    assert Bin.parse(number) == number
    if changed != number and is_detection_promised(number, changed, position):
        assert is_refused(Bin, changed)


@given(text=ibans, position=st.integers(3, 20), character=st.sampled_from(CHARACTERS))
def test_one_changed_character_of_its_kind_in_an_iban_is_refused(
    text: str, position: int, character: str
) -> None:
    changed = change(text, position, character)

    assert Iban.parse(text) == text
    if changed != text and character.isdigit() == text[position - 1].isdigit():
        assert is_refused(Iban, changed)


@pytest.mark.parametrize(("issued", "never_issued"), [("97", "00"), ("98", "01"), ("02", "99")])
def test_check_digits_that_only_leave_the_right_remainder_are_refused(issued: str, never_issued: str) -> None:
    account = next(
        account for account in map("125{:013}".format, range(10_000)) if iban_check(account) == issued
    )

    assert Iban.parse(f"KZ{issued}{account}")
    assert is_refused(Iban, f"KZ{never_issued}{account}")


@pytest.mark.parametrize("type_", [Iin, Bin, Iban])
@given(
    text=st.one_of(st.text(), st.text(alphabet="0123456789KZ ١２\n", min_size=10, max_size=22), iins, ibans)
)
def test_whatever_text_comes_is_parsed_or_refused_with_a_fault(
    type_: type[Iin | Bin | Iban], text: str
) -> None:
    with contextlib.suppress(IdentifierError):
        parsed = type_.parse(text)
        assert parsed.isascii()
        assert len(parsed) == (20 if type_ is Iban else 12)
        assert parsed[4:6].isdigit()
