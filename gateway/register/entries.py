from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from gateway.domain.case import State

Verdict = Literal[State.ASSIGNED, State.DENIED]

# A case parked for this reason has failed too often to be tried again by itself; an operator takes it up.
DEAD_LETTER: Final = "dead_letter"
# And then, when the operator has let it be tried again.
REPLAYED: Final = "replayed"
# The confirmed phone is not the person's; only an official takes the case up again.
CONTESTED: Final = "contested"
# And then, when the official says that it is theirs all the same, or has the base asked again.
UPHELD: Final = "upheld"
ASKED_AGAIN: Final = "asked_again"
# Nobody could say whose the phone is.
OWNER_UNKNOWN: Final = "mobile_citizens_away"


class RegisterError(Exception):
    """The journal refuses; nothing was changed."""


class UnknownApplication(RegisterError):
    def __init__(self, application_id: str) -> None:
        super().__init__(f"{application_id} is not in the journal")


class StaleFence(RegisterError):
    """Somebody with a newer fencing token has taken the case; the caller lets go of it."""

    def __init__(self, application_id: str, fence: int, newest: int) -> None:
        super().__init__(f"{application_id}: token {fence} is older than {newest}")


class WrongTransition(RegisterError):
    """`current` is the state the application stays in."""

    def __init__(self, application_id: str, current: State, wanted: State) -> None:
        super().__init__(f"{application_id} does not go from {current} to {wanted}")
        self.current = current


class DecisionOutcome(StrEnum):
    APPLIED = "applied"
    # The decision overtook the news that the application was forwarded; it takes effect with that news.
    RECORDED_EARLY = "recorded_early"
    REPEATED = "repeated"
    CONTRADICTS = "contradicts"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    at_ms: int


@dataclass(frozen=True, slots=True)
class Decision:
    decision: Verdict
    decided_at_ms: int
    received_at_ms: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    """`history` is what has happened so far, oldest first; its last state is the application's."""

    application_id: str
    category: str
    person: str = field(repr=False)
    phone_hash: str | None = field(repr=False)
    receipt_hash: str = field(repr=False)
    sealed: bytes = field(repr=False)
    sealed_phone: bytes | None = field(repr=False)
    record_version: int
    accepted_at_ms: int
    fence: int
    history: Sequence[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    application_id: str
    programme: str
    number: str
    state: State
    category: str
    person: str = field(repr=False)
    phone_hash: str | None = field(repr=False)
    receipt_hash: str = field(repr=False)
    sealed: bytes | None = field(repr=False)
    sealed_phone: bytes | None = field(repr=False)
    record_version: int
    accepted_at_ms: int
    park_reason: str | None
    retry_at_ms: int | None
    parked_since_ms: int | None
    parks: int
    fence: int
    ended_at_ms: int | None
    notified_at_ms: int | None
    erased_at_ms: int | None
    upheld_at_ms: int | None
    history: tuple[Step, ...]
    decision: Decision | None
