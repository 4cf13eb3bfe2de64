"""Cases whose phone is not known to be the person's, and what becomes of them."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, exists, select, update

from gateway.domain.case import State
from gateway.register.entries import CONTESTED, OWNER_UNKNOWN, UPHELD, Step, UnknownApplication
from gateway.register.loading import load_history, lock
from gateway.register.schema import applications
from gateway.register.timeline import go_on

# Nobody has it tried again at this moment, so that it may end without a look at Redis.
_AT_REST: Final = (CONTESTED, OWNER_UNKNOWN)


def contested_phones(connection: Connection, programme: str, person: str, besides: str) -> list[str]:
    query = select(applications.c.phone_hash).where(
        applications.c.programme == programme,
        applications.c.person == person,
        *_is_parked(CONTESTED),
        applications.c.application_id != besides,
    )
    return [phone for phone in connection.scalars(query) if phone is not None]


def uphold(connection: Connection, application_id: str, at_ms: int) -> bool:
    is_it = applications.c.application_id == application_id, *_is_parked(CONTESTED)
    due = {"park_reason": UPHELD, "retry_at_ms": at_ms, "upheld_at_ms": at_ms}
    return connection.execute(update(applications).where(*is_it).values(due)).rowcount > 0


def refuse(connection: Connection, application_id: str, at_ms: int) -> bool:
    try:
        row = lock(connection, application_id)
    except UnknownApplication:
        return False
    if row.state != State.PARKED or row.park_reason not in _AT_REST:
        return False
    history = load_history(connection, application_id)
    step = Step(State.REFUSED, max(at_ms, history[-1].at_ms))
    go_on(connection, application_id, [step], after=len(history))
    return True


def superseded(programme: str, limit: int) -> Select[Any]:
    other = applications.alias("other")
    is_forwarded = exists().where(
        other.c.programme == programme,
        other.c.person == applications.c.person,
        other.c.state.in_((State.FORWARDED, State.ASSIGNED)),
    )
    return (
        select(applications)
        .where(applications.c.programme == programme, *_is_parked(*_AT_REST), is_forwarded)
        .order_by(applications.c.parked_since_ms, applications.c.application_id)
        .limit(limit)
    )


def _is_parked(*reasons: str) -> tuple[ColumnElement[bool], ...]:
    return applications.c.state == State.PARKED, applications.c.park_reason.in_(reasons)
