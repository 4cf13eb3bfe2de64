"""Personal data go some time after the end; what happened stays."""

import time

from sqlalchemy import Connection, select, update

from gateway.register.schema import applications


def erase_personal(connection: Connection, programme: str, ended_before_ms: int, limit: int) -> int:
    due = (
        select(applications.c.application_id)
        .where(
            applications.c.programme == programme,
            applications.c.ended_at_ms < ended_before_ms,
            applications.c.erased_at_ms.is_(None),
        )
        .order_by(applications.c.ended_at_ms)
        .limit(limit)
    )
    erased = connection.execute(
        update(applications)
        .where(applications.c.application_id.in_(due), applications.c.erased_at_ms.is_(None))
        .values(
            sealed=None,
            sealed_phone=None,
            phone_hash=None,
            erased_at_ms=time.time_ns() // 1_000_000,
        )
    )
    return erased.rowcount
