"""The end of a case is told to its applicant, once."""

from typing import Any, Final

from sqlalchemy import Connection, Select, func, select, update

from gateway.domain.case import DECIDED, State
from gateway.register.entries import UnknownApplication
from gateway.register.schema import applications

_TOLD: Final = DECIDED | {State.REFUSED}


def undelivered(programme: str, limit: int, before_ms: int) -> Select[Any]:
    return (
        select(applications)
        .where(
            applications.c.programme == programme,
            applications.c.ended_at_ms < before_ms,
            applications.c.notified_at_ms.is_(None),
            # Nobody can be told any more once the phone is erased.
            applications.c.erased_at_ms.is_(None),
            applications.c.state.in_(_TOLD),
        )
        .order_by(applications.c.ended_at_ms, applications.c.application_id)
        .limit(limit)
    )


def mark_notified(connection: Connection, application_id: str, at_ms: int) -> None:
    _change(connection, application_id, notified_at_ms=func.coalesce(applications.c.notified_at_ms, at_ms))


def replace_receipt(connection: Connection, application_id: str, receipt_hash: str) -> None:
    _change(connection, application_id, receipt_hash=receipt_hash)


def _change(connection: Connection, application_id: str, **columns: Any) -> None:
    changed = connection.execute(
        update(applications).where(applications.c.application_id == application_id).values(columns)
    )
    if not changed.rowcount:
        raise UnknownApplication(application_id)
