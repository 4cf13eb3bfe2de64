from typing import Any

import rich_click as click

from gateway.domain.controls import Mode
from gateway.domain.texts import Language
from gateway.operators.cli.options import change_options, json_option, programme_argument
from gateway.operators.cli.showing import pairs, show
from gateway.operators.cli.steering import change, in_force

_MODES = click.Choice([str(mode) for mode in Mode])


@click.group()
def mode() -> None:
    """Show or change how people are let in.

    open · line_for_all (a ticket first, always) · hold (tickets, nobody called) · drain (nor tickets) ·
    closed (nor may the called come). Those who are in go on in each of them.
    """


@mode.command("show")
@programme_argument
@json_option
def show_mode(programme: str, *, as_json: bool) -> None:
    """Print the mode of PROGRAMME, and what people are told while they are not let in."""
    values = in_force(programme).values
    found = {"programme": programme, "mode": values["mode"]}
    messages = {str(language): values[f"message_{language}"] for language in Language}
    told = [(language, text) for language, text in messages.items() if text]
    show({**found, "messages": messages}, pairs([("mode", values["mode"]), *told]), as_json=as_json)


@mode.command("set")
@programme_argument
@click.argument("value", metavar="MODE", type=_MODES)
@click.option("--kk", help="What people are told in Kazakh.")
@click.option("--ru", help="The same in Russian.")
@click.option("--en", help="The same in English.")
@click.option("--expected", type=_MODES, help="Change it only if it still is this.")
@change_options
def set_mode(
    programme: str,
    value: str,
    *,
    kk: str | None,
    ru: str | None,
    en: str | None,
    expected: str | None,
    **how: Any,
) -> None:
    """Set the mode of PROGRAMME.

    hold, drain and closed need a message in three languages, given now or before.
    """
    messages = {f"message_{language}": text for language, text in (("kk", kk), ("ru", ru), ("en", en))}
    changes = {"mode": value, **{name: text for name, text in messages.items() if text is not None}}
    change(programme, changes, {"mode": expected} if expected else {}, **how)
