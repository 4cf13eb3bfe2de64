"""What operators see of a programme on the web, on a terminal: the same figures, read in the same way."""

import asyncio
import sys
from contextlib import suppress

import msgspec
import rich_click as click
from rich.console import Group
from rich.live import Live
from sqlalchemy.exc import SQLAlchemyError

from gateway.http.wire import rfc3339
from gateway.operators.cli.audit import line_facts
from gateway.operators.cli.failing import Exit
from gateway.operators.cli.opening import Office, work
from gateway.operators.cli.options import json_option
from gateway.operators.cli.screen import page
from gateway.operators.cli.showing import console, show
from gateway.operators.desk import now_ms
from gateway.operators.watching import EVERY_SECONDS, Watch, look
from gateway.register.chain import AuditLine

# As many as fit under one programme on a small terminal. Each has a line before it that asked for it.
_LINES = 6


class Look(msgspec.Struct, frozen=True):
    """What was seen at a moment. `lines` is None while the register does not answer."""

    watches: dict[str, Watch]
    lines: list[AuditLine] | None

    def answer(self) -> dict[str, object]:
        states = [watch.state for watch in self.watches.values()]
        lines = None if self.lines is None else [line_facts(line) for line in self.lines]
        return {"at": rfc3339(now_ms()), "programmes": states, "audit": lines}

    def is_store_up(self) -> bool:
        return all(watch.state is not None and watch.state.store_up for watch in self.watches.values())


@click.command()
@click.argument("programmes", metavar="[PROGRAMME]...", nargs=-1)
@click.option("--watch", is_flag=True, help="Look every second until Ctrl-C; with --json a line each time.")
@json_option
def status(programmes: tuple[str, ...], *, watch: bool, as_json: bool) -> None:
    """Show slots, line, rates, queues, systems and the newest changes at one look.

    Takes a second: rates are those of this second, those of gateways on this machine. A dash: not known.
    """
    if watch:
        with suppress(KeyboardInterrupt):
            work(lambda office: _watch(office, programmes, as_json=as_json), with_register=False)
        return
    seen = work(lambda office: _look_twice(office, programmes), with_register=False)
    show(seen.answer(), _page(seen), as_json=as_json)
    if not seen.is_store_up():
        sys.exit(Exit.AWAY)


async def _look_twice(office: Office, programmes: tuple[str, ...]) -> Look:
    watches = _watches(office, programmes)
    await _look(office, watches)
    await asyncio.sleep(EVERY_SECONDS)
    return await _look(office, watches)


async def _watch(office: Office, programmes: tuple[str, ...], *, as_json: bool) -> None:
    watches = _watches(office, programmes)
    seen = await _look(office, watches)
    if as_json:
        while True:
            click.echo(msgspec.json.encode(seen.answer()))
            await asyncio.sleep(EVERY_SECONDS)
            seen = await _look(office, watches)
    with Live(_page(seen), console=console(), screen=True, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            live.update(_page(await _look(office, watches)), refresh=True)


def _watches(office: Office, programmes: tuple[str, ...]) -> dict[str, Watch]:
    """Raise UnknownProgramme."""
    codes = [office.desk.programme(code).code for code in programmes] or list(office.programmes)
    return {code: Watch(code, counts_alone=len(office.programmes) == 1) for code in codes}


async def _look(office: Office, watches: dict[str, Watch]) -> Look:
    await look(watches, office.store, office.settings.counts_dir)
    return Look(watches, await _newest_lines(office))


async def _newest_lines(office: Office) -> list[AuditLine] | None:
    try:
        newest = await office.trail.read(None, 2 * _LINES)
    except (SQLAlchemyError, OSError):
        return None
    return [line for line in newest if line.outcome != "requested"][:_LINES]


def _page(seen: Look) -> Group:
    states = [watch.state for watch in seen.watches.values() if watch.state]
    return page(states, {code: list(watch.samples) for code, watch in seen.watches.items()}, seen.lines)
