"""What workers count of their cases. Labels are names of ours; nothing of a case is among them."""

from enum import StrEnum
from functools import cache

from gateway.counting import LEDGER, Count, Spread
from gateway.domain.case import State
from gateway.register.entries import CONTESTED, DEAD_LETTER
from workers.systems.errors import System
from workers.systems.labour_market import Outcome

# From a case that met nobody on its way to one that was parked over a day of the state standing still.
_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0)

# The ends of a case's stay, and why it may be parked.
_LEAVING = (State.FORWARDED, State.REFUSED, State.PARKED)
LABOUR_MARKET_UNKNOWN = "labour_market_unknown"
_REASONS = (DEAD_LETTER, CONTESTED, LABOUR_MARKET_UNKNOWN, *(f"{system}_away" for system in System))


class Message(StrEnum):
    CODE = "code"
    NOTICE = "notice"
    RECEIPT_CODE = "receipt_code"


class Found(StrEnum):
    """What a sweep may find."""

    LAPSED = "lapsed"
    REQUEUED = "requeued"
    UNPARKED = "unparked"
    NOTICES = "notices"
    RESTORED = "restored"
    # In doubt, while another of the person was forwarded.
    SUPERSEDED = "superseded"


class Sending(StrEnum):
    SENT = "sent"
    # The provider will never take this message.
    REFUSED = "refused"


def begin_counting(programme: str) -> None:
    """Begin at nothing, so that the first of a kind is seen as a rise."""
    for outcome in Outcome:
        verifications(programme, outcome)
    for belongs in (True, False):
        ownerships(programme, belongs=belongs)
    for state in _LEAVING:
        finished(programme, state)
    for reason in _REASONS:
        parked(programme, reason)
    for message in Message:
        for sending in Sending:
            messages(programme, message, sending)
    for kind in Found:
        recovered(programme, kind)
    case_seconds(programme)
    mistakes()


# As many as programmes and names of ours, so the caches need no bound.
@cache
def verifications(programme: str, outcome: Outcome) -> Count:
    return LEDGER.count(
        "qabyldau_verifications_total",
        "Answers of the Labour Market to the question whether a case may go on.",
        programme=programme,
        outcome=outcome.value,
    )


@cache
def ownerships(programme: str, *, belongs: bool) -> Count:
    return LEDGER.count(
        "qabyldau_phone_owners_total",
        "Answers of the mobile citizens' base to the question whether a phone is the person's.",
        programme=programme,
        outcome="own" if belongs else "another",
    )


@cache
def finished(programme: str, state: State) -> Count:
    return LEDGER.count(
        "qabyldau_cases_finished_total",
        "Cases that gave their slot back, by the state in which they did; a parked one comes again.",
        programme=programme,
        state=state.value,
    )


@cache
def parked(programme: str, reason: str) -> Count:
    return LEDGER.count(
        "qabyldau_cases_parked_total",
        "Cases parked, by reason; dead letters wait for an operator.",
        programme=programme,
        reason=reason,
    )


@cache
def case_seconds(programme: str) -> Spread:
    return LEDGER.spread(
        "qabyldau_case_seconds",
        "From the confirmed phone to the end of a case that was forwarded or refused.",
        _SECONDS,
        programme=programme,
    )


@cache
def messages(programme: str, message: Message, sending: Sending) -> Count:
    return LEDGER.count(
        "qabyldau_messages_total",
        "SMS that the provider took or will never take.",
        programme=programme,
        message=message.value,
        outcome=sending.value,
    )


@cache
def recovered(programme: str, kind: Found) -> Count:
    return LEDGER.count(
        "qabyldau_recovered_total",
        "What sweeps found forgotten, by kind.",
        programme=programme,
        kind=kind.value,
    )


@cache
def mistakes() -> Count:
    return LEDGER.count(
        "qabyldau_worker_mistakes_total", "Exceptions in workers that nobody foresaw: mistakes of ours."
    )
