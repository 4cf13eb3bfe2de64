from pathlib import Path

import rich_click as click

from config.keys import activate_key, add_key, load_keys
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.options import json_option, reason_option
from gateway.operators.cli.showing import show
from gateway.operators.noting import carry_out, line_of

_ADDED = """\
Key {key} is in {path}, and key {active} goes on sealing.
Bring the file to every machine and start all gateways and workers again, one after the other.
Then: qabyldau keys activate {key} --reason …\
"""

_ACTIVE = """\
Key {key} of {path} seals from the next start of each process; older keys stay, to open what they sealed.
Bring the file to every machine and start all gateways and workers again, one after the other.
Keep a copy of the file in a safe place.\
"""

_ROTATED = """\
Key {key} of {path} seals from the next start of each process; older keys stay, to open what they sealed.
Stop all gateways and workers, bring the file to every machine, and start them: what a process seals that has
read key {key} does not open in one that has not.
Keep a copy of the file in a safe place.\
"""


@click.group()
def keys() -> None:
    """Change the key that seals personal data. Lookups and signatures keep theirs."""


@keys.command("show")
@json_option
def show_keys(*, as_json: bool) -> None:
    """Print the numbers of the sealing keys and which of them seals; never a key."""

    async def read(office: Office) -> dict[str, object]:
        found = load_keys(office.settings.keys_path)
        return {"keys": sorted(found.sealing), "active": found.active}

    found = work(read, with_register=False)
    show(found, f"keys {found['keys']}, of which {found['active']} seals", as_json=as_json)


@keys.command("rotate")
@reason_option
@json_option
def rotate(*, reason: str, as_json: bool) -> None:
    """Add a new sealing key and let it seal from now on; older ones stay.

    For a service that is stopped and started as a whole. Without a stop: keys add, start all processes again,
    keys activate, start them again.
    """
    _tell(_ROTATED, *_add("rotate_keys", reason, active=True), as_json=as_json)


@keys.command("add")
@reason_option
@json_option
def add(*, reason: str, as_json: bool) -> None:
    """Add a new sealing key that does not seal yet: the first half of a change without a stop."""
    _tell(_ADDED, *_add("add_key", reason, active=False), as_json=as_json)


@keys.command("activate")
@click.argument("number", type=click.IntRange(0, 255))
@reason_option
@json_option
def activate(number: int, *, reason: str, as_json: bool) -> None:
    """Let key NUMBER, which all processes have read, seal from now on: the second half."""

    async def change(office: Office) -> Path:
        path = office.settings.keys_path

        async def do() -> None:
            activate_key(path, number)

        await carry_out(office.trail, line_of(actor(), "activate_key", reason, subject=str(number)), do)
        return path

    _tell(_ACTIVE, work(change), number, as_json=as_json)


def _add(action: str, reason: str, *, active: bool) -> tuple[Path, int]:
    async def change(office: Office) -> tuple[Path, int]:
        path = office.settings.keys_path

        async def do() -> int:
            return add_key(path, active=active)

        asked = line_of(actor(), action, reason)
        return path, await carry_out(office.trail, asked, do, lambda number: {"key": number})

    return work(change)


def _tell(said: str, path: Path, number: int, *, as_json: bool) -> None:
    active = load_keys(path).active
    answer = {"key": number, "active": active, "path": str(path)}
    show(answer, said.format(key=number, active=active, path=path), as_json=as_json)
