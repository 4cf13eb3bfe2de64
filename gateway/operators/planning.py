"""Changes whose time has come are made, and taken back when theirs is over; what is planned is cancelled."""

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.domain.controls import Value
from gateway.operators.changing import (
    ChangeRequest,
    UnknownChange,
    in_words,
    outcome_line,
    plan_of,
    try_change,
    way_back,
)
from gateway.operators.desk import Actor, Desk, now_ms
from gateway.register.chain import CHANGE, ROLLBACK, NewAuditLine
from gateway.register.plans import DONE, Plan

# A change is made within a second of its time.
_EVERY_SECONDS = 0.5

_log = structlog.get_logger()


async def keep_plans(desk: Desk) -> None:
    """Run until cancelled. A register or a Redis that is away delays a plan, and never ends this."""
    is_away = False
    while True:
        try:
            await carry_out_due(desk, now_ms())
            is_away = False
        except (SQLAlchemyError, OSError) as error:
            if not is_away:
                _log.warning("plans_away", exc_info=error)
            is_away = True
        except Exception as error:  # noqa: BLE001 - Nothing unforeseen may end the clock of the plans.
            _log.error("plans_failed", exc_info=error)
        await asyncio.sleep(_EVERY_SECONDS)


async def carry_out_due(desk: Desk, now: int) -> None:
    for plan in await desk.plans.take_due(now):
        if plan.programme in desk.programmes:
            await _carry_out(desk, plan, now)


async def cancel_plan(desk: Desk, actor: Actor, programme: str, change: int) -> None:
    """Raise UnknownProgramme, and UnknownChange for what is not planned, or no more."""
    line = NewAuditLine(
        at_ms=now_ms(),
        actor=actor.name,
        role=actor.role,
        action="cancel_plan",
        outcome="done",
        programme=desk.programme(programme).code,
        subject=str(change),
    )
    if not await desk.plans.cancel(programme, change, line):
        raise UnknownChange(change)


async def _carry_out(desk: Desk, plan: Plan, now: int) -> None:
    programme, actor = desk.programmes[plan.programme], Actor(plan.actor, plan.role)
    request = ChangeRequest(
        programme=plan.programme,
        changes=dict(plan.changes),
        expected=dict(plan.expected),
        reason=plan.reason,
    )
    action = ROLLBACK if plan.goes_back else CHANGE
    end_ms = None if plan.for_seconds is None else plan.at_ms + plan.for_seconds * 1000
    if end_ms is not None and end_ms <= now:
        # All of its time went by while nobody was here to make it.
        await desk.plans.settle(plan.change, DONE, outcome_line(actor, request, plan.change, "missed"))
        return
    outcome, values, error = await try_change(desk, request)
    new = in_words(programme, request.changes)
    if outcome == "changed" and _is_made(values, new):
        # By ourselves, before a crash kept us from writing it down.
        outcome, values, error = "done", dict(plan.expected), None
    if outcome == "unknown":
        # It comes again in some seconds, and is found made then or is made.
        return
    details = {"old": values, "new": new} if error is None else {"current": values}
    line = outcome_line(actor, request, plan.change, outcome, action, **details)
    is_to_go_back = error is None and end_ms is not None
    back = plan_of(actor, way_back(programme, request), end_ms or 0, None, goes_back=True)
    await desk.plans.settle(plan.change, DONE, line, back if is_to_go_back else None)
    _log.info("plan_carried_out", change=plan.change, programme=plan.programme, outcome=outcome)


def _is_made(current: dict[str, Value], new: dict[str, Value]) -> bool:
    return all(current.get(name) == value for name, value in new.items())
