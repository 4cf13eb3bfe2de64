"""A change from the command line goes the way of a change from the web."""

from collections.abc import Mapping

import msgspec
import rich_click as click

from gateway.domain.controls import Control, Kind, OutOfRange, Value, check
from gateway.domain.programme import Programme
from gateway.inflight.steering import Controls, read_controls
from gateway.operators.changing import Change, ChangeRequest, ChangeState, make_change
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.showing import moment, show, span, word

_YES, _NO = {"true", "on", "yes"}, {"false", "off", "no"}


def in_force(programme: str) -> Controls:
    """Raises what `work` does."""

    async def read(office: Office) -> Controls:
        return await read_controls(office.store, office.desk.programme(programme))

    return work(read, with_register=False)


def programme_of_file(programme: str) -> Programme:
    """Raises what `work` does."""

    async def find(office: Office) -> Programme:
        return office.desk.programme(programme)

    return work(find, with_register=False)


def change(
    programme: str,
    changes: Mapping[str, Value | None],
    expected: Mapping[str, Value] | None = None,
    *,
    reason: str,
    at: int | None = None,
    for_seconds: int | None = None,
    as_json: bool = False,
) -> None:
    """Make or plan it and tell so; what is not `expected` is as it is found now."""

    async def make(office: Office) -> Change:
        file = office.desk.programme(programme)
        check(file, changes)
        values = (await read_controls(office.store, file)).values
        request = ChangeRequest(
            programme=programme,
            changes=dict(changes),
            expected={name: (expected or {}).get(name, values[name]) for name in changes},
            reason=reason,
            at_ms=at,
            for_seconds=for_seconds,
        )
        return await make_change(office.desk, actor(), request)

    made = work(make)
    when = f" at {moment(at)}" if at else ""
    until = f" for {span(for_seconds)}, then back" if for_seconds else ""
    tell(programme, made, f"{when}{until}", as_json=as_json)


def tell(programme: str, made: Change, timed: str = "", *, as_json: bool) -> None:
    lines = [f"{programme}: {name} {word(made.old[name])} -> {word(made.new[name])}" for name in made.new]
    did = "planned" if made.state is ChangeState.PLANNED else "change"
    lines[-1] += f"{timed} ({did} {made.change})"
    show({"programme": programme, **msgspec.to_builtins(made)}, "\n".join(lines), as_json=as_json)


def read_text(control: Control, text: str) -> Value:
    """Read what was typed; raises click's BadParameter with the range."""
    if control.kind is Kind.INTEGER and text.isascii() and text.removeprefix("-").isdigit():
        return int(text)
    if control.kind is Kind.BOOLEAN and text in _YES | _NO:
        return text in _YES
    if control.allows(text):
        return text
    raise click.BadParameter(str(OutOfRange(control)), param_hint="NAME=VALUE")
