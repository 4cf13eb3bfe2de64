"""What the journal holds, to be compared with Redis and with E-Maket."""

from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from gateway.domain.case import DECIDED, PROCESSING, State
from gateway.register.schema import applications, history

_FORWARDED: Final = DECIDED | {State.FORWARDED}


def count_states(connection: Connection, programme: str) -> dict[State, int]:
    query = (
        select(applications.c.state, func.count())
        .where(applications.c.programme == programme)
        .group_by(applications.c.state)
    )
    return {State(state): count for state, count in connection.execute(query)}


def forwarded_ids(connection: Connection, programme: str, after: str, limit: int) -> list[str]:
    query = (
        select(applications.c.application_id)
        .where(
            applications.c.programme == programme,
            applications.c.application_id > after,
            applications.c.state.in_(_FORWARDED),
        )
        .order_by(applications.c.application_id)
        .limit(limit)
    )
    return list(connection.scalars(query))


def stuck(programme: str, before_ms: int, limit: int) -> Select[Any]:
    last_step = (
        select(func.max(history.c.at_ms))
        .where(history.c.application_id == applications.c.application_id)
        .scalar_subquery()
    )
    return (
        select(applications)
        .where(
            applications.c.programme == programme,
            # A forwarded application waits for its decision outside of Redis and is not stuck.
            applications.c.state.in_(PROCESSING),
            last_step < before_ms,
        )
        .order_by(last_step, applications.c.application_id)
        .limit(limit)
    )
