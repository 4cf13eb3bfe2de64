"""The audit trail in the database: lines are added behind the head, and never touched again."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from gateway.register.chain import CHANGES, GENESIS, AuditLine, Head, NewAuditLine, link
from gateway.register.schema import audit, audit_head


def append(connection: Connection, line: NewAuditLine) -> AuditLine:
    # The head's row stays locked until the transaction ends, so that no two lines follow the same one.
    head = Head(*connection.execute(select(audit_head.c.sequence, audit_head.c.hash).with_for_update()).one())
    kept = link(line, head)
    connection.execute(insert(audit).values(asdict(kept)))
    connection.execute(update(audit_head).values(sequence=kept.sequence, hash=kept.hash))
    return kept


def load_before(connection: Connection, before: int | None, limit: int) -> list[AuditLine]:
    query = select(audit).order_by(audit.c.sequence.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.sequence < before)
    return [_line(row) for row in connection.execute(query)]


def load_change(connection: Connection, sequence: int) -> AuditLine | None:
    is_it = or_(audit.c.sequence == sequence, audit.c.subject == str(sequence))
    is_change = audit.c.action.in_(CHANGES), audit.c.outcome == "done"
    query = select(audit).where(is_it, *is_change).order_by(audit.c.sequence).limit(1)
    row = connection.execute(query).one_or_none()
    return _line(row) if row else None


def load_piece(connection: Connection, after: int, limit: int) -> list[AuditLine]:
    query = select(audit).where(audit.c.sequence > after).order_by(audit.c.sequence).limit(limit)
    return [_line(row) for row in connection.execute(query)]


def load_ends(connection: Connection) -> tuple[Head, int]:
    """Return the head as it is kept apart, and the sequence of the last line."""
    row = connection.execute(select(audit_head.c.sequence, audit_head.c.hash)).one_or_none()
    last: int | None = connection.scalar(select(func.max(audit.c.sequence)))
    return Head(*row) if row else Head(0, GENESIS), last or 0


def _line(row: Row[Any]) -> AuditLine:
    return AuditLine(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to a row's names.
