"""An operator changes what is steered: written down before it is done, and again what came of it."""

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import structlog
from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from gateway.domain.controls import Value, check, controls_of
from gateway.domain.programme import Programme
from gateway.inflight.steering import ControlsChanged, MessageMissing, NotServed, change_controls
from gateway.inflight.store import StoreUnavailable
from gateway.operators.desk import Actor, Desk, now_ms
from gateway.register.chain import CHANGE, ROLLBACK, NewAuditLine
from gateway.register.plans import CANCELLED, NewPlan

# As much as is read in a list of changes.
LONGEST_REASON: Final = 500

# A plan for later than this is one that everybody has forgotten.
LATEST_SECONDS: Final = 31 * 86_400

_log = structlog.get_logger()


class ChangeState(StrEnum):
    DONE = "done"
    PLANNED = "planned"


class InvalidChange(ValueError):
    """`field` says what is wrong with it."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is missing or wrong")
        self.field = field


class UnknownChange(LookupError):
    def __init__(self, sequence: int) -> None:
        super().__init__(f"line {sequence} of the audit trail is no change that was made")


class ChangeRequest(Struct, frozen=True, kw_only=True):
    """All of `changes`, if what is `expected` of each still holds. None: back to what the file has.

    At `at_ms`, or at once; for `for_seconds` and then back, or for good.
    """

    programme: str
    changes: dict[str, Value | None]
    expected: dict[str, Value]
    reason: str
    at_ms: int | None = None
    for_seconds: int | None = None


class Change(Struct, frozen=True):
    """`change`: the line of the audit trail that says it was done, or planned, as `state` tells."""

    change: int
    old: dict[str, Value]
    new: dict[str, Value]
    state: ChangeState


async def make_change(desk: Desk, actor: Actor, request: ChangeRequest) -> Change:
    """Make or plan a change.

    Raises, having changed nothing: UnknownProgramme, InvalidChange, UnknownControl, OutOfRange,
    ControlsChanged, MessageMissing, NotServed, and what the database raises. StoreUnavailable leaves the
    outcome unknown.
    """
    programme = desk.programme(request.programme)
    check_request(programme, request)
    asked = _asked(actor, request, CHANGE)
    if request.at_ms is not None:
        plan = plan_of(actor, request, request.at_ms, request.for_seconds)
        sequence = await desk.plans.plan(asked, plan)
        new = in_words(programme, request.changes)
        return Change(sequence, dict(request.expected), new, ChangeState.PLANNED)
    if request.for_seconds is None:
        sequence = (await desk.trail.append(asked)).sequence
    else:
        # Before the change: whatever happens to this process, there is a way back.
        back = way_back(programme, request)
        at_ms = now_ms() + request.for_seconds * 1000
        sequence = await desk.plans.plan(asked, plan_of(actor, back, at_ms, None, goes_back=True))
    return await _carry_out(desk, actor, request, sequence, CHANGE)


async def roll_back(desk: Desk, actor: Actor, programme: str, sequence: int, reason: str) -> Change:
    """Undo a change while nobody has changed the same since; raises as `make_change`, and UnknownChange."""
    line = await desk.trail.find_change(sequence)
    if line is None or line.programme != desk.programme(programme).code:
        raise UnknownChange(sequence)
    made = line.known_details
    request = ChangeRequest(
        programme=programme,
        changes=from_file(desk.programme(programme), made["old"]),
        expected=made["new"],
        reason=reason,
    )
    check_request(desk.programme(programme), request)
    asked = await desk.trail.append(_asked(actor, request, ROLLBACK, undoes=line.sequence))
    return await _carry_out(desk, actor, request, asked.sequence, ROLLBACK)


def check_request(programme: Programme, request: ChangeRequest) -> None:
    """Raise InvalidChange, UnknownControl, OutOfRange."""
    check(programme, request.changes)
    if not request.changes:
        raise InvalidChange("changes")
    if request.expected.keys() != request.changes.keys():
        raise InvalidChange("expected")
    check_reason(request.reason)
    now = now_ms()
    if request.at_ms is not None and not now <= request.at_ms <= now + LATEST_SECONDS * 1000:
        raise InvalidChange("at")
    if request.for_seconds is not None and not 1 <= request.for_seconds <= LATEST_SECONDS:
        raise InvalidChange("for_seconds")


def check_reason(reason: str) -> None:
    """Raise InvalidChange."""
    if not reason.strip() or len(reason) > LONGEST_REASON or _is_odd(reason):
        raise InvalidChange("reason")


def way_back(programme: Programme, request: ChangeRequest) -> ChangeRequest:
    """What undoes a change once it was made."""
    return ChangeRequest(
        programme=request.programme,
        changes=from_file(programme, request.expected),
        expected=in_words(programme, request.changes),
        reason=request.reason,
    )


def from_file(programme: Programme, values: Mapping[str, Value]) -> dict[str, Value | None]:
    """Whatever is as the file has it follows the file again."""
    known = controls_of(programme)
    return {name: None if value == known[name].default else value for name, value in values.items()}


def in_words(programme: Programme, changes: Mapping[str, Value | None]) -> dict[str, Value]:
    """What is in force after `changes`."""
    known = controls_of(programme)
    return {name: known[name].default if value is None else value for name, value in changes.items()}


def plan_of(
    actor: Actor, request: ChangeRequest, at_ms: int, for_seconds: int | None, *, goes_back: bool = False
) -> NewPlan:
    return NewPlan(
        programme=request.programme,
        at_ms=at_ms,
        for_seconds=for_seconds,
        changes=request.changes,
        expected=request.expected,
        reason=request.reason,
        actor=actor.name,
        role=actor.role,
        goes_back=goes_back,
    )


def outcome_line(
    actor: Actor, request: ChangeRequest, sequence: int, outcome: str, action: str = CHANGE, **details: object
) -> NewAuditLine:
    """Say what came of the change that was asked for in line `sequence`."""
    return NewAuditLine(
        at_ms=now_ms(),
        actor=actor.name,
        role=actor.role,
        action=action,
        outcome=outcome,
        programme=request.programme,
        subject=str(sequence),
        reason=request.reason,
        details=details,
    )


async def try_change(desk: Desk, request: ChangeRequest) -> tuple[str, dict[str, Value], Exception | None]:
    """Return the outcome in a word, what was in force (before it, if it was made), and the error."""
    programme = desk.programme(request.programme)
    try:
        old = await change_controls(desk.store, programme, request.changes, request.expected)
    except ControlsChanged as error:
        return "changed", error.current, error
    except (MessageMissing, NotServed) as error:
        return "refused", {}, error
    except StoreUnavailable as error:
        # Redis may have heard it and died before it could say so.
        return "unknown", {}, error
    return "done", old, None


async def _carry_out(desk: Desk, actor: Actor, request: ChangeRequest, sequence: int, action: str) -> Change:
    outcome, values, error = await try_change(desk, request)
    if error is not None:
        line = outcome_line(actor, request, sequence, outcome, action, current=values)
        await _write_failure(desk, request, sequence, line)
        raise error
    new = in_words(desk.programme(request.programme), request.changes)
    try:
        line = outcome_line(actor, request, sequence, outcome, action, old=values, new=new)
        sequence = (await desk.trail.append(line)).sequence
    except (SQLAlchemyError, OSError) as lost:
        # It holds, and the trail has who asked for it and why: nothing is gained by taking it back.
        _log.error("outcome_not_audited", change=sequence, exc_info=lost)
    return Change(sequence, values, new, ChangeState.DONE)


async def _write_failure(desk: Desk, request: ChangeRequest, sequence: int, line: NewAuditLine) -> None:
    try:
        if request.for_seconds is not None and line.outcome != "unknown":
            await desk.plans.settle(sequence, CANCELLED, line)
        else:
            await desk.trail.append(line)
    except (SQLAlchemyError, OSError) as lost:
        _log.error("outcome_not_audited", change=sequence, exc_info=lost)


def _asked(actor: Actor, request: ChangeRequest, action: str, **more: int) -> NewAuditLine:
    timed = {"at_ms": request.at_ms, "for_seconds": request.for_seconds}
    return NewAuditLine(
        at_ms=now_ms(),
        actor=actor.name,
        role=actor.role,
        action=action,
        outcome="requested" if request.at_ms is None else "planned",
        programme=request.programme,
        reason=request.reason,
        details={
            "changes": request.changes,
            "expected": request.expected,
            **{name: value for name, value in timed.items() if value is not None},
            **more,
        },
    )


def _is_odd(text: str) -> bool:
    """Control characters: a database or a terminal would choke on them."""
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)
