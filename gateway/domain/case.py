"""The states of a case and the names it goes by."""

import re
import secrets
import string
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a case is. Written into Redis and the register and shown to applicants: add, never rename."""

    AWAITING_PHONE = "awaiting_phone"
    ACCEPTED = "accepted"
    VERIFYING = "verifying"
    FORWARDING = "forwarding"
    FORWARDED = "forwarded"
    ASSIGNED = "assigned"
    DENIED = "denied"
    LAPSED = "lapsed"
    REFUSED = "refused"
    PARKED = "parked"


UNCONFIRMED = frozenset({State.AWAITING_PHONE})
PROCESSING = frozenset({State.ACCEPTED, State.VERIFYING, State.FORWARDING})
# These hold a slot.
LIVE = UNCONFIRMED | PROCESSING
DECIDED = frozenset({State.ASSIGNED, State.DENIED})
ENDED = DECIDED | {State.LAPSED, State.REFUSED}
# After these the person's marker goes, so that one may apply again.
REAPPLY = frozenset({State.LAPSED, State.REFUSED, State.DENIED})

# Accepted goes straight to forwarding for a category that is not verified [S1].
# The only arrow backwards leads from parked. What is parked because another may be in the right ends there.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.AWAITING_PHONE: frozenset({State.ACCEPTED, State.LAPSED}),
    State.ACCEPTED: frozenset({State.VERIFYING, State.FORWARDING, State.PARKED}),
    State.VERIFYING: frozenset({State.FORWARDING, State.REFUSED, State.PARKED}),
    State.FORWARDING: frozenset({State.FORWARDED, State.PARKED}),
    State.FORWARDED: DECIDED,
    State.PARKED: frozenset({State.ACCEPTED, State.REFUSED}),
    **dict.fromkeys(ENDED, frozenset[State]()),
}

# Five bits a letter: enough that ids can be neither guessed nor met twice.
_ID_LETTERS = 26
# Every byte stands for a letter of base32, and each letter for equally many bytes.
_LETTER_OF_BYTE = bytes(ord((string.ascii_lowercase + "234567")[byte % 32]) for byte in range(256))

_APPLICATION_ID = re.compile(r"([a-z0-9]{1,16})-[a-z2-7]{26}")
# Seven digits; an eighth only once seven are used up, so that every number has exactly one written form.
_JOURNAL_NUMBER = re.compile(r"([a-z0-9]{1,16})-([0-9]{4})-([0-9]{7}|[1-9][0-9]{7,8})")


class JournalNumber(NamedTuple):
    programme: str
    year: int
    serial: int


def new_application_id(programme: str) -> str:
    random = secrets.token_bytes(_ID_LETTERS).translate(_LETTER_OF_BYTE)
    return f"{programme}-{random.decode()}"


def programme_of(application_id: str) -> str | None:
    """Return None for text that is no application id."""
    match = _APPLICATION_ID.fullmatch(application_id)
    return match[1] if match else None


def job_id(application_id: str) -> str:
    """Put the programme into a hash tag, so that arq's keys of a case lie where the programme's keys lie."""
    programme, _, random = application_id.partition("-")
    return f"{{{programme}}}-{random}"


def journal_number(programme: str, year: int, serial: int) -> str:
    return f"{programme}-{year:04}-{serial:07}"


def parse_journal_number(text: str) -> JournalNumber | None:
    """Return None for text that is no journal number."""
    match = _JOURNAL_NUMBER.fullmatch(text)
    return JournalNumber(match[1], int(match[2]), int(match[3])) if match else None
