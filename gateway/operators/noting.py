"""What else is done is written down as changes are: before it is done, and again what came of it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.inflight.store import StoreUnavailable
from gateway.operators.changing import check_reason
from gateway.operators.desk import Actor, now_ms
from gateway.register.audit import AuditTrail
from gateway.register.chain import NewAuditLine

T = TypeVar("T")

_AWAY = (SQLAlchemyError, StoreUnavailable, OSError)

_log = structlog.get_logger()


def line_of(
    actor: Actor,
    action: str,
    reason: str | None,
    *,
    programme: str | None = None,
    subject: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> NewAuditLine:
    """Say what is asked for; raises InvalidChange for a reason that is none."""
    if reason is not None:
        check_reason(reason)
    return NewAuditLine(
        at_ms=now_ms(),
        actor=actor.name,
        role=actor.role,
        action=action,
        outcome="requested",
        programme=programme,
        subject=subject,
        reason=reason,
        details=details or {},
    )


async def carry_out(
    trail: AuditTrail,
    asked: NewAuditLine,
    deed: Callable[[], Awaitable[T]],
    tell: Callable[[T], Mapping[str, Any]] = lambda _: {},
) -> T:
    """Do it between two lines of the audit trail; `tell` says what the second one has of what came of it.

    Raises what the database and the deed raise.
    """
    sequence = (await trail.append(asked)).sequence
    try:
        done = await deed()
    except Exception as error:
        outcome = "unknown" if isinstance(error, _AWAY) else "refused"
        await _write_outcome(trail, asked, sequence, outcome, {})
        raise
    await _write_outcome(trail, asked, sequence, "done", tell(done))
    return done


async def _write_outcome(
    trail: AuditTrail, asked: NewAuditLine, sequence: int, outcome: str, told: Mapping[str, Any]
) -> None:
    details = {**asked.details, **told, "request": sequence}
    try:
        await trail.append(replace(asked, at_ms=now_ms(), outcome=outcome, details=details))
    except (SQLAlchemyError, OSError) as lost:
        # The trail has who asked for it and why.
        _log.error("outcome_not_audited", request=sequence, error=type(lost).__name__)
