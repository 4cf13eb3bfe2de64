from typing import Any

import rich_click as click

from gateway.domain.controls import HIGHEST_LIMIT, LOWEST_LIMIT
from gateway.operators.cli.options import change_options, json_option, programme_argument
from gateway.operators.cli.showing import show
from gateway.operators.cli.steering import change, in_force


@click.group()
def limit() -> None:
    """Show or change how many applications are in process at once."""


@limit.command("show")
@programme_argument
@json_option
def show_limit(programme: str, *, as_json: bool) -> None:
    """Print the limit of PROGRAMME that is in force."""
    value = in_force(programme).values["limit"]
    show({"programme": programme, "limit": value}, str(value), as_json=as_json)


@limit.command("set")
@programme_argument
@click.argument("value", type=click.IntRange(LOWEST_LIMIT, HIGHEST_LIMIT))
@click.option("--expected", type=int, help="Change it only if it still is this.")
@change_options
def set_limit(programme: str, value: int, *, expected: int | None, **how: Any) -> None:
    """Set the limit of PROGRAMME to VALUE.

    It holds at once in every process, is kept over restarts, and evicts nobody: lowered, nobody is let in
    until enough have left.
    """
    change(programme, {"limit": value}, {} if expected is None else {"limit": expected}, **how)
