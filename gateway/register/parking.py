"""A case that cannot be decided now waits here, without a slot."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, select, update

from gateway.domain.case import TRANSITIONS, State
from gateway.register.entries import (
    ASKED_AGAIN,
    CONTESTED,
    DEAD_LETTER,
    REPLAYED,
    StaleFence,
    Step,
    WrongTransition,
)
from gateway.register.loading import load_history, lock
from gateway.register.schema import applications
from gateway.register.timeline import go_on


def park(
    connection: Connection,
    application_id: str,
    step: Step,
    fence: int,
    reason: str,
    retry_at_ms: int | None,
) -> None:
    row = lock(connection, application_id)
    if fence < row.fence:
        raise StaleFence(application_id, fence, row.fence)
    history = load_history(connection, application_id)
    why: dict[str, Any] = {"fence": fence, "park_reason": reason, "retry_at_ms": retry_at_ms}
    current = history[-1].state
    if current is State.PARKED:
        if fence > row.fence:
            # Parked, then killed before the slot was freed: another tried again, and the newer reason counts.
            is_the_one = applications.c.application_id == application_id
            connection.execute(update(applications).where(is_the_one).values(why))
    elif State.PARKED not in TRANSITIONS[current]:
        raise WrongTransition(application_id, current, State.PARKED)
    else:
        go_on(
            connection,
            application_id,
            [step],
            after=len(history),
            parks=row.parks + 1,
            parked_since_ms=step.at_ms,
            **why,
        )


def unpark(connection: Connection, application_id: str, at_ms: int, fence: int) -> None:
    row = lock(connection, application_id)
    history = load_history(connection, application_id)
    step = Step(State.ACCEPTED, at_ms)
    if history[-1].state is not State.PARKED or step in history:
        return
    if fence < row.fence:
        raise StaleFence(application_id, fence, row.fence)
    # The token that parked the case ends here, or its late call would park it again.
    newest = max(fence, row.fence + 1)
    go_on(connection, application_id, [step], after=len(history), fence=newest)


def replay_dead_letters(connection: Connection, programme: str, at_ms: int) -> int:
    """Make every dead letter due at once; return how many."""
    dead = applications.c.park_reason == DEAD_LETTER
    due = {"park_reason": REPLAYED, "retry_at_ms": at_ms}
    result = connection.execute(update(applications).where(*_parked(programme), dead).values(due))
    return result.rowcount


def retry(connection: Connection, application_id: str, at_ms: int) -> bool:
    dead = applications.c.park_reason == DEAD_LETTER
    contested = applications.c.park_reason == CONTESTED
    due = {
        "park_reason": case((dead, REPLAYED), (contested, ASKED_AGAIN), else_=applications.c.park_reason),
        "retry_at_ms": at_ms,
        "upheld_at_ms": case((contested, None), else_=applications.c.upheld_at_ms),
    }
    is_it = applications.c.application_id == application_id, applications.c.state == State.PARKED
    return connection.execute(update(applications).where(*is_it).values(due)).rowcount > 0


def parked_for(programme: str, reason: str, limit: int) -> Select[Any]:
    return (
        select(applications)
        .where(*_parked(programme), applications.c.park_reason == reason)
        .order_by(applications.c.parked_since_ms, applications.c.application_id)
        .limit(limit)
    )


def count_parked(connection: Connection, programme: str) -> int:
    query = select(func.count()).where(*_parked(programme), applications.c.park_reason != CONTESTED)
    return connection.scalar(query) or 0


def parked_due(programme: str, now_ms: int, limit: int) -> Select[Any]:
    return (
        select(applications)
        .where(
            *_parked(programme),
            applications.c.retry_at_ms <= now_ms,
            applications.c.park_reason != DEAD_LETTER,
        )
        .order_by(applications.c.retry_at_ms, applications.c.application_id)
        .limit(limit)
    )


def _parked(programme: str) -> tuple[ColumnElement[bool], ...]:
    return applications.c.programme == programme, applications.c.state == State.PARKED
