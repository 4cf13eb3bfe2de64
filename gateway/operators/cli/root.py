from importlib import import_module

import rich_click as click

from gateway.operators.cli.audit import audit
from gateway.operators.cli.backup import backup, restore, settle
from gateway.operators.cli.cases import cases
from gateway.operators.cli.category import category
from gateway.operators.cli.changes import changes, plans
from gateway.operators.cli.controls import controls
from gateway.operators.cli.dead_letters import dead_letters
from gateway.operators.cli.failing import OneLineGroup
from gateway.operators.cli.keys import keys
from gateway.operators.cli.limit import limit
from gateway.operators.cli.mode import mode
from gateway.operators.cli.status import status
from gateway.operators.cli.tokens import tokens
from gateway.operators.cli.upkeep import reconcile, recover

_PANELS = {
    "Watch": ("status", "audit"),
    "Steer": ("limit", "mode", "category", "controls", "changes", "plans"),
    "Rehearse": ("record", "rehearse"),
    "Cases": ("cases", "dead-letters", "recover", "reconcile"),
    "Save": ("backup", "restore", "settle"),
    "Access": ("tokens", "keys"),
}


@click.group(
    "qabyldau",
    cls=OneLineGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done · 1 not done, or a difference was found · 2 the call or a setting is wrong · "
    "3 somebody was faster · 4 Redis or the register does not answer. docs/command-line.md has more.",
)
def qabyldau() -> None:
    """See and steer the intake of applications.

    Settings and keys are those of this machine; who may read them may do all of this. Each change is written
    into the audit trail under cli:<user>.
    """


def _add_rehearsal(name: str, about: str, module: str) -> None:
    """Add a command of the rehearsal, which nobody waits for who only wants to lower a limit."""

    @qabyldau.command(name, help=about, add_help_option=False, context_settings=_AS_IT_STANDS)
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def pass_on(arguments: tuple[str, ...]) -> None:
        command = getattr(import_module(f"gateway.operators.rehearsal.{module}"), f"{name}_command")
        command.main(args=list(arguments), prog_name=f"qabyldau {name}", standalone_mode=False)


_AS_IT_STANDS = {"ignore_unknown_options": True, "allow_interspersed_args": False}
_add_rehearsal("record", "Record a day that was served, without anybody's data.", "recorder")
_add_rehearsal("rehearse", "Play a recorded day again with other limits.", "command")
for command in (
    audit,
    backup,
    cases,
    category,
    changes,
    controls,
    dead_letters,
    keys,
    limit,
    mode,
    plans,
    reconcile,
    recover,
    restore,
    settle,
    status,
    tokens,
):
    qabyldau.add_command(command)
for title, names in _PANELS.items():
    qabyldau.add_panel(click.RichCommandPanel(title, commands=list(names)))
