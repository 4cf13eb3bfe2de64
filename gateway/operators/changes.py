"""Changes over HTTP: now, later, for a while, and back."""

from datetime import datetime

from litestar import delete, get, post
from litestar.params import FromPath
from msgspec import Struct

from gateway.domain.controls import Value
from gateway.http.register_calls import ask_register
from gateway.http.request import AnyRequest
from gateway.http.wire import rfc3339
from gateway.operators.access import actor_of
from gateway.operators.bodies import read_body
from gateway.operators.changing import Change, ChangeRequest, InvalidChange, make_change, roll_back
from gateway.operators.planning import cancel_plan
from gateway.operators.room import room_of
from gateway.operators.trail import LineNumber
from gateway.register.plans import Plan
from gateway.register.tokens import Role


class ChangeBody(Struct, forbid_unknown_fields=True):
    changes: dict[str, Value | None]
    expected: dict[str, Value]
    reason: str
    at: str | None = None
    for_seconds: int | None = None


class RollbackBody(Struct, forbid_unknown_fields=True):
    reason: str


class PlanFacts(Struct, frozen=True):
    """`goes_back`: it takes back what was made for a while."""

    id: int
    at: str
    for_seconds: int | None
    changes: dict[str, Value | None]
    expected: dict[str, Value]
    reason: str
    actor: str
    goes_back: bool


class PlanList(Struct, frozen=True):
    plans: list[PlanFacts]


@post("/v1/programmes/{programme:str}/changes", role=Role.OPERATOR, status_code=200)
async def change_controls(request: AnyRequest, programme: FromPath[str]) -> Change:
    body = await read_body(request, ChangeBody)
    wanted = ChangeRequest(
        programme=programme,
        changes=body.changes,
        expected=body.expected,
        reason=body.reason,
        at_ms=None if body.at is None else _parse_moment(body.at),
        for_seconds=body.for_seconds,
    )
    return await make_change(room_of(request).desk, actor_of(request), wanted)


@post("/v1/programmes/{programme:str}/changes/{sequence:int}/rollback", role=Role.OPERATOR, status_code=200)
async def undo_change(request: AnyRequest, programme: FromPath[str], sequence: LineNumber) -> Change:
    reason = (await read_body(request, RollbackBody)).reason
    return await roll_back(room_of(request).desk, actor_of(request), programme, sequence, reason)


@get("/v1/programmes/{programme:str}/plans", role=Role.VIEWER)
async def list_plans(request: AnyRequest, programme: FromPath[str]) -> PlanList:
    desk = room_of(request).desk
    plans = await ask_register(desk.plans.planned(desk.programme(programme).code))
    return PlanList([_facts(plan) for plan in plans])


@delete("/v1/programmes/{programme:str}/plans/{plan:int}", role=Role.OPERATOR, status_code=204)
async def drop_plan(request: AnyRequest, programme: FromPath[str], plan: LineNumber) -> None:
    await ask_register(cancel_plan(room_of(request).desk, actor_of(request), programme, plan))


def _facts(plan: Plan) -> PlanFacts:
    return PlanFacts(
        id=plan.change,
        at=rfc3339(plan.at_ms),
        for_seconds=plan.for_seconds,
        changes=dict(plan.changes),
        expected=dict(plan.expected),
        reason=plan.reason,
        actor=plan.actor,
        goes_back=plan.goes_back,
    )


def _parse_moment(text: str) -> int:
    """Raise InvalidChange for anything but RFC 3339 with its offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidChange("at") from None
    if moment.tzinfo is None:
        raise InvalidChange("at")
    return int(moment.timestamp() * 1000)
