"""What may be steered, what is in force, and what a change would do."""

from litestar import get, post
from litestar.params import FromPath
from msgspec import Struct

from gateway.domain.controls import Value, check, controls_of
from gateway.http.request import AnyRequest
from gateway.inflight.steering import read_controls
from gateway.operators.bodies import read_body
from gateway.operators.previewing import Effect, preview
from gateway.operators.room import room_of
from gateway.register.tokens import Role


class ControlFacts(Struct, frozen=True):
    name: str
    kind: str
    unit: str | None
    lowest: int | None
    highest: int | None
    choices: tuple[str, ...]
    value: Value
    default: Value
    overridden: bool


class ControlList(Struct, frozen=True):
    version: int
    controls: list[ControlFacts]


class PreviewBody(Struct, forbid_unknown_fields=True):
    changes: dict[str, Value | None]


class Preview(Struct, frozen=True):
    effects: list[Effect]


@get("/v1/programmes/{programme:str}/controls", role=Role.VIEWER)
async def list_controls(request: AnyRequest, programme: FromPath[str]) -> ControlList:
    desk = room_of(request).desk
    found = desk.programme(programme)
    in_force = await read_controls(desk.store, found)
    facts = [
        ControlFacts(
            name=control.name,
            kind=control.kind,
            unit=control.unit,
            lowest=control.lowest,
            highest=control.highest,
            choices=control.choices,
            value=in_force.values[control.name],
            default=control.default,
            overridden=control.name in in_force.overridden,
        )
        for control in controls_of(found).values()
    ]
    return ControlList(in_force.version, facts)


@post("/v1/programmes/{programme:str}/preview", role=Role.VIEWER, status_code=200)
async def preview_change(request: AnyRequest, programme: FromPath[str]) -> Preview:
    room = room_of(request)
    found = room.desk.programme(programme)
    changes = (await read_body(request, PreviewBody)).changes
    check(found, changes)
    in_force = await read_controls(room.desk.store, found)
    watch = room.watch(programme)
    return Preview(preview(found, in_force.values, changes, watch.state, list(watch.samples)))
