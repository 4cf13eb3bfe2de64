"""Changes that wait for their time, each under the line of the audit trail that asked for it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select, update

from gateway.register.auditing import append
from gateway.register.chain import AuditLine, NewAuditLine
from gateway.register.schema import plans
from gateway.register.store import Store

PLANNED: Final = "planned"
DONE: Final = "done"
CANCELLED: Final = "cancelled"

# A plan is carried out within seconds; whoever took it longer ago than this has died over it.
_CLAIM_MS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """At `at_ms`: `changes`, if all that is `expected` still holds; after `for_seconds` more, back again.

    `goes_back`: this already is the way back.
    """

    programme: str
    at_ms: int
    for_seconds: int | None
    changes: Mapping[str, Any]
    expected: Mapping[str, Any]
    reason: str
    actor: str
    role: str
    goes_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(NewPlan):
    change: int


class Plans:
    """Raises what the database raises (SQLAlchemyError, OSError, TimeoutError)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def plan(self, request: NewAuditLine, plan: NewPlan) -> int:
        """Write both down in one; return the sequence of the request, which is the change's from now on."""
        return await self._store.write(_plan, request, plan)

    async def planned(self, programme: str) -> list[Plan]:
        """Return what is planned, the soonest first."""
        return await self._store.read(_planned, plans.c.programme == programme)

    async def take_due(self, now_ms: int) -> list[Plan]:
        """Return plans whose time has come. Nobody else gets them for some seconds; then they come again."""
        return await self._store.write(_take_due, now_ms)

    async def settle(
        self, change: int, state: str, outcome: NewAuditLine, back: NewPlan | None = None
    ) -> None:
        """Write down what came of a plan; `back` takes its place."""
        await self._store.write(_settle, change, state, outcome, back)

    async def cancel(self, programme: str, change: int, outcome: NewAuditLine) -> bool:
        """Return False when there is no such plan, or no more."""
        return await self._store.write(_cancel, programme, change, outcome)


def _plan(connection: Connection, request: NewAuditLine, plan: NewPlan) -> int:
    line: AuditLine = append(connection, request)
    row = {"change": line.sequence, "state": PLANNED, **_columns(plan)}
    connection.execute(insert(plans).values(row))
    return line.sequence


def _planned(connection: Connection, *conditions: Any) -> list[Plan]:
    query = select(plans).where(plans.c.state == PLANNED, *conditions).order_by(plans.c.at_ms, plans.c.change)
    return [_read(row) for row in connection.execute(query)]


def _take_due(connection: Connection, now_ms: int) -> list[Plan]:
    is_free = or_(plans.c.claimed_at_ms.is_(None), plans.c.claimed_at_ms <= now_ms - _CLAIM_MS)
    is_due = plans.c.state == PLANNED, plans.c.at_ms <= now_ms, is_free
    taken = connection.execute(update(plans).where(*is_due).values(claimed_at_ms=now_ms).returning(plans))
    return sorted((_read(row) for row in taken), key=lambda plan: (plan.at_ms, plan.change))


def _settle(
    connection: Connection, change: int, state: str, outcome: NewAuditLine, back: NewPlan | None
) -> None:
    append(connection, outcome)
    row = {"state": PLANNED, "claimed_at_ms": None, **_columns(back)} if back else {"state": state}
    connection.execute(update(plans).where(plans.c.change == change).values(row))


def _cancel(connection: Connection, programme: str, change: int, outcome: NewAuditLine) -> bool:
    is_it = plans.c.change == change, plans.c.programme == programme, plans.c.state == PLANNED
    if not connection.execute(update(plans).where(*is_it).values(state=CANCELLED)).rowcount:
        return False
    append(connection, outcome)
    return True


def _columns(plan: NewPlan) -> dict[str, Any]:
    return {
        "programme": plan.programme,
        "at_ms": plan.at_ms,
        "for_seconds": plan.for_seconds,
        "changes": json.dumps(dict(plan.changes)),
        "expected": json.dumps(dict(plan.expected)),
        "reason": plan.reason,
        "actor": plan.actor,
        "role": plan.role,
        "goes_back": plan.goes_back,
    }


def _read(row: Row[Any]) -> Plan:
    return Plan(
        change=row.change,
        programme=row.programme,
        at_ms=row.at_ms,
        for_seconds=row.for_seconds,
        changes=json.loads(row.changes),
        expected=json.loads(row.expected),
        reason=row.reason,
        actor=row.actor,
        role=row.role,
        goes_back=row.goes_back,
    )
