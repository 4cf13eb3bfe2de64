import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.domain.tickets import Place, Ticket, read_ticket, write_ticket
from gateway.sealing import KeyRing

OLD, NEW, LOOKUP = (bytes([number]) * 32 for number in (1, 2, 3))
RING = KeyRing({1: OLD}, 1, LOOKUP)
ROTATED = KeyRing({1: OLD, 2: NEW}, 2, LOOKUP)
WITHOUT_OLD = KeyRing({2: NEW}, 2, LOOKUP)
SAME_ID = KeyRing({1: NEW}, 1, LOOKUP)

CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.=+/ \n\0ә"

programmes = st.from_regex(r"[a-z0-9]{1,16}", fullmatch=True)
uint64 = st.integers(0, 2**64 - 1)
places = st.builds(Place, lane=st.integers(0, 1), number=uint64, again=st.booleans(), epoch=uint64)
persons = st.binary(min_size=8, max_size=8).map(bytes.hex)
tickets = st.builds(Ticket, programme=programmes, place=places, person=persons)


@given(ticket=tickets)
def test_a_ticket_reads_as_it_was_written(ticket: Ticket) -> None:
    text = write_ticket(ticket, RING.sign)

    assert read_ticket(text, RING.verify) == replace(ticket, key=RING.active)
    assert text == write_ticket(ticket, RING.sign)
    assert len(text) <= 200


@given(ticket=tickets, at=st.integers(0), character=st.sampled_from(CHARACTERS))
def test_a_ticket_with_another_character_is_none(ticket: Ticket, at: int, character: str) -> None:
    text = write_ticket(ticket, RING.sign)
    at %= len(text)
    assume(text[at] != character)

    assert read_ticket(text[:at] + character + text[at + 1 :], RING.verify) is None


@given(ticket=tickets, bit=st.integers(0))
def test_a_ticket_with_a_changed_bit_is_none(ticket: Ticket, bit: int) -> None:
    programme, _, encoded = write_ticket(ticket, RING.sign).partition(".")
    signed = bytearray(base64.urlsafe_b64decode(encoded + "=="))
    signed[bit // 8 % len(signed)] ^= 1 << bit % 8

    text = f"{programme}.{base64.urlsafe_b64encode(signed).decode().rstrip('=')}"

    assert read_ticket(text, RING.verify) is None


@given(ticket=tickets, cut=st.integers(1, 200))
def test_a_ticket_that_was_cut_is_none(ticket: Ticket, cut: int) -> None:
    text = write_ticket(ticket, RING.sign)

    assert read_ticket(text[:-cut], RING.verify) is None
    assert read_ticket(text[cut:], RING.verify) is None


@given(ticket=tickets, more=st.text(CHARACTERS, min_size=1, max_size=8))
def test_a_ticket_with_more_around_it_is_none(ticket: Ticket, more: str) -> None:
    text = write_ticket(ticket, RING.sign)

    assert read_ticket(text + more, RING.verify) is None
    assert read_ticket(more + text, RING.verify) is None


@given(ticket=tickets, programme=programmes)
def test_a_ticket_of_another_programme_is_none(ticket: Ticket, programme: str) -> None:
    assume(programme != ticket.programme)
    _, _, encoded = write_ticket(ticket, RING.sign).partition(".")

    assert read_ticket(f"{programme}.{encoded}", RING.verify) is None


@given(text=st.text(max_size=200))
def test_whatever_text_comes_is_none(text: str) -> None:
    assert read_ticket(text, RING.verify) is None


@given(ticket=tickets)
def test_a_ticket_of_an_older_key_is_good_while_the_key_is_on_the_ring(ticket: Ticket) -> None:
    text = write_ticket(ticket, RING.sign)

    assert read_ticket(text, ROTATED.verify) == replace(ticket, key=RING.active)
    assert read_ticket(text, WITHOUT_OLD.verify) is None
    assert read_ticket(text, SAME_ID.verify) is None


@given(ticket=tickets)
def test_after_rotation_the_new_key_signs(ticket: Ticket) -> None:
    text = write_ticket(ticket, ROTATED.sign)

    assert text != write_ticket(ticket, RING.sign)
    assert read_ticket(text, WITHOUT_OLD.verify) == replace(ticket, key=ROTATED.active)
    assert read_ticket(text, RING.verify) is None


@pytest.mark.parametrize("text", ["", ".", "42500", "42500.", "42500." + "A" * 58, "x" * 10_000])
def test_what_never_was_a_ticket_is_none(text: str) -> None:
    assert read_ticket(text, RING.verify) is None
