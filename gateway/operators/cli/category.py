from typing import Any

import rich_click as click

from gateway.operators.cli.failing import WrongCall
from gateway.operators.cli.options import change_options, json_option, programme_argument
from gateway.operators.cli.showing import show, table
from gateway.operators.cli.steering import change, in_force, programme_of_file


@click.group()
def category() -> None:
    """Show, open or close the categories of a programme for newcomers; who is in goes on."""


@category.command("show")
@programme_argument
@json_option
def show_categories(programme: str, *, as_json: bool) -> None:
    """Print which categories of PROGRAMME are open."""
    values = in_force(programme).values
    found = {name: values[f"category_{name}_open"] for name in programme_of_file(programme).categories}
    rows = [(name, "open" if is_open else "closed") for name, is_open in found.items()]
    show({"programme": programme, "categories": found}, table(["category", ""], rows), as_json=as_json)


@category.command("open")
@programme_argument
@click.argument("name", metavar="CATEGORY")
@change_options
def open_category(programme: str, name: str, **how: Any) -> None:
    """Let people of CATEGORY apply to PROGRAMME."""
    _switch(programme, name, is_open=True, **how)


@category.command("close")
@programme_argument
@click.argument("name", metavar="CATEGORY")
@change_options
def close_category(programme: str, name: str, **how: Any) -> None:
    """Let nobody of CATEGORY apply to PROGRAMME any more."""
    _switch(programme, name, is_open=False, **how)


def _switch(programme: str, name: str, *, is_open: bool, **how: Any) -> None:
    if name not in (known := programme_of_file(programme).categories):
        raise WrongCall(f"there is no category {name}, only {', '.join(known)}")
    change(programme, {f"category_{name}_open": is_open}, **how)
