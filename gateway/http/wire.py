"""What goes over the wire: shapes of answers, and how a moment is written."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.case import State
from gateway.domain.controls import Mode
from gateway.inflight.waiting import Stand

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(at_ms: int) -> str:
    """Write `2026-11-21T09:30:00.125Z`; whole arithmetic, so that no millisecond is lost to a float."""
    seconds, milliseconds = divmod(at_ms, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03}Z"


# Thousands of moments that are told in one second lie in the same few seconds.
@lru_cache(1024)
def _to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


class CategoryFacts(Struct, frozen=True):
    name: str
    title: str
    titles: dict[str, str]
    open: bool
    required_fields: tuple[str, ...]


class ProgrammeFacts(Struct, frozen=True):
    programme: str
    title: str
    titles: dict[str, str]
    categories: tuple[CategoryFacts, ...]
    mode: Mode
    limit: int
    in_process: int
    waiting: int
    eta_seconds: int | None
    eta_p90_seconds: int | None
    # While nobody is called.
    message: str | UnsetType = UNSET


class Warned(Struct, frozen=True):
    code: str
    message: str


class Checked(Struct, frozen=True):
    valid: bool
    warnings: tuple[Warned, ...]


class Submitted(Struct, frozen=True):
    id: str
    receipt: str
    state: State
    expires_at: str
    warnings: tuple[Warned, ...]


class PlaceInLine(Struct, frozen=True):
    state: Stand
    mode: Mode
    position: int
    eta_seconds: int | None
    eta_p90_seconds: int | None
    poll_after_ms: int
    claim_before: str | None
    ticket: str
    message: str | UnsetType = UNSET


class CodeSent(Struct, frozen=True):
    resend_after_seconds: int
    attempts_left: int


class Confirmed(Struct, frozen=True):
    id: str
    state: State


class StateAt(Struct, frozen=True):
    state: State
    at: str


class ApplicationStatus(Struct, frozen=True):
    id: str
    programme: str
    state: State
    number: str | None
    history: tuple[StateAt, ...]
    decide_by: str | None


class NewReceipt(Struct, frozen=True):
    id: str
    receipt: str


class Health(Struct, frozen=True):
    status: str
