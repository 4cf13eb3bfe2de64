import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.case import (
    DECIDED,
    ENDED,
    LIVE,
    PROCESSING,
    REAPPLY,
    TRANSITIONS,
    UNCONFIRMED,
    State,
    job_id,
    journal_number,
    new_application_id,
    parse_journal_number,
    programme_of,
)

RANDOM = "abcdefghijklmnopqrstuvwxyz"


def test_every_state_says_where_it_may_go() -> None:
    assert TRANSITIONS.keys() == set(State)


def test_nothing_leads_out_of_an_end_and_every_other_state_leads_somewhere() -> None:
    assert {state for state, following in TRANSITIONS.items() if not following} == ENDED


def test_every_state_is_live_or_forwarded_or_parked_or_ended() -> None:
    rooms = [UNCONFIRMED, PROCESSING, {State.FORWARDED, State.PARKED}, ENDED]

    assert set[State]().union(*rooms) == set(State)
    assert sum(map(len, rooms)) == len(State)
    assert LIVE == UNCONFIRMED | PROCESSING


def test_one_may_apply_again_after_every_end_but_an_assignment() -> None:
    assert REAPPLY | {State.ASSIGNED} == ENDED
    assert State.ASSIGNED not in REAPPLY
    assert TRANSITIONS[State.FORWARDED] == DECIDED


def test_parked_is_the_only_arrow_backwards() -> None:
    seen = {State.AWAITING_PHONE}
    for _ in State:
        seen |= {after for before in seen - {State.PARKED} for after in TRANSITIONS[before]}

    assert seen == set(State)
    assert [before for before in State if State.ACCEPTED in TRANSITIONS[before]] == [
        State.AWAITING_PHONE,
        State.PARKED,
    ]


def test_an_application_id_names_its_programme_and_is_met_once() -> None:
    ids = {new_application_id("42500") for _ in range(1_000)}

    assert len(ids) == 1_000
    assert {programme_of(one) for one in ids} == {"42500"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42500",
        "42500-",
        f"-{RANDOM}",
        f"42500-{RANDOM}a",
        f"42500-{RANDOM[1:]}",
        f"42500-{RANDOM.upper()}",
        f"42500-{RANDOM[1:]}1",
        f"42500-{RANDOM}\n",
        f"Tiny-{RANDOM}",
        f"a{'b' * 16}-{RANDOM}",
        f"٤٢٥٠٠-{RANDOM}",
        f"{{42500}}-{RANDOM}",
        f"42500-{RANDOM[1:]}é",
    ],
)
def test_what_is_no_application_id_has_no_programme(text: str) -> None:
    assert programme_of(text) is None


@given(st.text())
def test_whatever_text_comes_has_a_programme_or_none(text: str) -> None:
    assert programme_of(text) is None or text.isascii()
    assert parse_journal_number(text) is None or text.isascii()


def test_a_job_id_carries_the_programme_as_a_hash_tag() -> None:
    assert job_id(f"42500-{RANDOM}") == f"{{42500}}-{RANDOM}"


def test_a_journal_number_has_seven_digits() -> None:
    assert journal_number("42500", 2026, 1) == "42500-2026-0000001"


@given(year=st.integers(2020, 9999), serial=st.integers(1, 999_999_999))
def test_a_journal_number_is_read_as_it_was_written(year: int, serial: int) -> None:
    assert parse_journal_number(journal_number("42500", year, serial)) == ("42500", year, serial)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42500-2026-1",
        "42500-2026-000001",
        "42500-2026-00000001",
        "42500-26-0000001",
        "42500-2026-0000001\n",
    ],
)
def test_what_is_no_journal_number_is_none(text: str) -> None:
    assert parse_journal_number(text) is None
