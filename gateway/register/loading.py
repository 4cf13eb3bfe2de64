"""Rows into entries."""

from typing import Any

from sqlalchemy import Connection, Row, Select, select

from gateway.domain.case import State
from gateway.register.entries import Decision, Entry, Step, UnknownApplication
from gateway.register.schema import applications, decisions, history

_LEFT_OUT = {"year", "sequence", "state"}
_FIELDS = [column.name for column in applications.columns if column.name not in _LEFT_OUT]


def lock(connection: Connection, application_id: str) -> Row[Any]:
    """Return the application's row, which nobody else changes until this transaction ends."""
    query = select(applications).where(applications.c.application_id == application_id).with_for_update()
    row = (connection.execute(query)).one_or_none()
    if row is None:
        raise UnknownApplication(application_id)
    return row


def load_history(connection: Connection, application_id: str) -> list[Step]:
    return (_histories(connection, [application_id]))[application_id]


def load_decision(connection: Connection, application_id: str) -> Decision | None:
    return (_decisions(connection, [application_id])).get(application_id)


def load_entries(connection: Connection, query: Select[Any]) -> list[Entry]:
    """`query` selects whole rows of applications and has a limit; their order is kept."""
    rows = (connection.execute(query)).all()
    if not rows:
        return []
    ids = [row.application_id for row in rows]
    steps = _histories(connection, ids)
    verdicts = _decisions(connection, ids)
    return [
        Entry(
            **{name: getattr(row, name) for name in _FIELDS},
            state=State(row.state),
            history=tuple(steps[row.application_id]),
            decision=verdicts.get(row.application_id),
        )
        for row in rows
    ]


def _histories(connection: Connection, ids: list[str]) -> dict[str, list[Step]]:
    query = (
        select(history)
        .where(history.c.application_id.in_(ids))
        .order_by(history.c.application_id, history.c.position)
    )
    found: dict[str, list[Step]] = {application_id: [] for application_id in ids}
    for row in connection.execute(query):
        found[row.application_id].append(Step(State(row.state), row.at_ms))
    return found


def _decisions(connection: Connection, ids: list[str]) -> dict[str, Decision]:
    query = select(decisions).where(decisions.c.application_id.in_(ids))
    return {
        row.application_id: Decision(
            State(row.decision),  # type: ignore[arg-type]  # Only a verdict is ever written there.
            row.decided_at_ms,
            row.received_at_ms,
            row.reason,
        )
        for row in connection.execute(query)
    }
