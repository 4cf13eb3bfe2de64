"""The history of an application and the state that follows from it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, update

from gateway.domain.case import ENDED, State
from gateway.register.entries import Step
from gateway.register.schema import applications, history

_NOT_PARKED = {"park_reason": None, "retry_at_ms": None, "parked_since_ms": None}


def append_steps(connection: Connection, application_id: str, steps: Sequence[Step], *, after: int) -> None:
    """Write `steps` behind the `after` that are there."""
    connection.execute(
        insert(history),
        [
            {"application_id": application_id, "position": position, "state": step.state, "at_ms": step.at_ms}
            for position, step in enumerate(steps, after + 1)
        ],
    )


def go_on(
    connection: Connection,
    application_id: str,
    steps: Sequence[Step],
    *,
    after: int,
    **columns: Any,
) -> State:
    """Take the application through `steps`; return the state it is in then."""
    append_steps(connection, application_id, steps, after=after)
    last = steps[-1]
    values = columns if last.state is State.PARKED else {**_NOT_PARKED, **columns}
    if last.state in ENDED:
        values["ended_at_ms"] = last.at_ms
    connection.execute(
        update(applications)
        .where(applications.c.application_id == application_id)
        .values(state=last.state, **values)
    )
    return last.state
