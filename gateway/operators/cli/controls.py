from typing import Any

import rich_click as click

from gateway.domain.controls import Control, UnknownControl, Value, controls_of
from gateway.operators.cli.failing import telling
from gateway.operators.cli.options import change_options, json_option, programme_argument
from gateway.operators.cli.showing import show, table, word
from gateway.operators.cli.steering import change, in_force, programme_of_file, read_text


@click.group()
def controls() -> None:
    """Show or change whatever else may be steered: limits, windows, leases, the speed of calling."""


@controls.command("show")
@programme_argument
@click.argument("names", metavar="[NAME]...", nargs=-1)
@json_option
def show_controls(programme: str, names: tuple[str, ...], *, as_json: bool) -> None:
    """Print what is in force in PROGRAMME, what its file has, and the range; * marks what was changed."""
    known = controls_of(programme_of_file(programme))
    _check_names(known, names)
    found = in_force(programme)
    listed = [
        {
            "name": control.name,
            "value": found.values[control.name],
            "default": control.default,
            "overridden": control.name in found.overridden,
            "kind": control.kind,
            "unit": control.unit,
            "lowest": control.lowest,
            "highest": control.highest,
            "choices": control.choices,
        }
        for control in known.values()
        if control.name in names or not names
    ]
    rows = [
        (
            f"{one['name']}{' *' if one['overridden'] else ''}",
            word(one["value"]),
            word(one["default"]),
            _range(known[str(one["name"])]),
        )
        for one in listed
    ]
    answer = {"programme": programme, "version": found.version, "controls": listed}
    show(answer, table(["name", "in force ", "file ", "range"], rows), as_json=as_json)


@controls.command("set")
@programme_argument
@click.argument("pairs", metavar="NAME=VALUE...", nargs=-1, required=True)
@click.option("--expected", metavar="NAME=VALUE", multiple=True, help="Only if it still is this; repeatable.")
@change_options
def set_controls(programme: str, pairs: tuple[str, ...], *, expected: tuple[str, ...], **how: Any) -> None:
    """Change one or several controls of PROGRAMME, all of them or none.

    Switches are true or false: qabyldau controls set 42500 address_count=500 address_shadow=true --reason …
    """
    known = controls_of(programme_of_file(programme))
    change(programme, _values(known, pairs), _values(known, expected), **how)


@controls.command("reset")
@programme_argument
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@change_options
def reset_controls(programme: str, names: tuple[str, ...], **how: Any) -> None:
    """Take controls of PROGRAMME back to what its file has."""
    _check_names(controls_of(programme_of_file(programme)), names)
    change(programme, dict.fromkeys(names), **how)


def _values(known: dict[str, Control], pairs: tuple[str, ...]) -> dict[str, Value]:
    parts = [pair.partition("=") for pair in pairs]
    if not all(mark for _, mark, _ in parts):
        raise click.BadParameter("Expected NAME=VALUE", param_hint="NAME=VALUE")
    _check_names(known, [name for name, _, _ in parts])
    return {name: read_text(known[name], text) for name, _, text in parts}


def _check_names(known: dict[str, Control], names: tuple[str, ...] | list[str]) -> None:
    for name in names:
        if name not in known:
            with telling():
                raise UnknownControl(name)


def _range(control: Control) -> str:
    if control.choices:
        return " ".join(control.choices)
    if control.lowest is None:
        return "true false"
    return f"{control.lowest} – {control.highest} {control.unit}"
