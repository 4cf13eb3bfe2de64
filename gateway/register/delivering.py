"""The end of a case is told to its applicant, once."""

from typing import Any, Final

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

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


async def mark_notified(connection: AsyncConnection, application_id: str, at_ms: int) -> None:
    await _change(
        connection, application_id, notified_at_ms=func.coalesce(applications.c.notified_at_ms, at_ms)
    )


async def replace_receipt(connection: AsyncConnection, application_id: str, receipt_hash: str) -> None:
    await _change(connection, application_id, receipt_hash=receipt_hash)


async def _change(connection: AsyncConnection, application_id: str, **columns: Any) -> None:
    changed = await connection.execute(
        update(applications).where(applications.c.application_id == application_id).values(columns)
    )
    if not changed.rowcount:
        raise UnknownApplication(application_id)
