"""What the workers do by themselves, once, now.

Their own commands do it: only they know the systems of the state, and this room does not know the workers. So
each runs as a process of its own, with the same settings.
"""

import json
import os
import subprocess
import sys
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import rich_click as click
from rich.table import Table

import gateway
from gateway.operators.cli.failing import Away, Exit, WrongCall
from gateway.operators.cli.opening import Office, actor, work
from gateway.operators.cli.options import json_option
from gateway.operators.cli.showing import clean, number, show, table
from gateway.operators.noting import carry_out, line_of

# The folder that holds all rooms, wherever this was called from.
_ROOT = Path(gateway.__file__).parents[1]

_DIFFERENCES = (
    "unaccounted",
    "missing_at_e_maket",
    "unknown_here",
    "effects_not_one",
    "slots_without_case",
)


@click.command()
@json_option
def recover(*, as_json: bool) -> None:
    """Sweep once, now, as every worker does every five seconds.

    Leases that ran out lapse, lost jobs and notices are queued again; parked cases that are due come back,
    and so do cases that Redis has lost.
    """

    async def sweep(office: Office) -> dict[str, Any]:
        async def run() -> dict[str, Any]:
            return run_worker("recover", {Exit.DONE})[0]

        return await carry_out(
            office.trail, line_of(actor(), "recover", None), run, lambda found: {"found": found}
        )

    found = work(sweep)
    kinds = list(dict.fromkeys(kind for counts in found.values() for kind in counts))
    rows = [(code, *(number(counts.get(kind)) for kind in kinds)) for code, counts in found.items()]
    show(found, table(["programme", *(f"{kind} " for kind in kinds)], rows), as_json=as_json)


@click.command()
@json_option
def reconcile(*, as_json: bool) -> None:
    """Compare what was accepted, what the register holds and what E-Maket has. Exit code 1: they differ.

    For a system at rest: what is on its way shows up as a difference.
    """
    books, code = run_worker("reconcile", {Exit.DONE, Exit.NOT_DONE})
    show(books, _books(books), as_json=as_json)
    if code:
        sys.exit(Exit.NOT_DONE)


def run_worker(command: str, answers: Container[int]) -> tuple[dict[str, Any], int]:
    """Return what a worker's command found, by programme, and which of `answers` its exit code is.

    Raises WrongCall, Away.
    """
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(  # noqa: S603 - our own command line.
        [sys.executable, "-m", "workers.main", command],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, Any] = {}
    ended_by: str | None = None
    for document in _documents(done.stdout):
        if document.get("event") == "process_ends":
            ended_by = document["error"]
        elif "event" in document:
            click.echo(json.dumps(document, ensure_ascii=False), err=True)
        else:
            found |= document
    if done.returncode not in answers or not found:
        raise _failure(command, done, ended_by)
    return found, done.returncode


def _failure(
    command: str, done: subprocess.CompletedProcess[str], ended_by: str | None
) -> click.ClickException:
    if done.returncode == Exit.WRONG_CALL:
        return WrongCall(clean((done.stderr.strip().splitlines() or ["it said nothing"])[-1]))
    return Away(f"the worker's {command} failed: {ended_by or f'exit code {done.returncode}'}")


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects one after the other: lines of the log, and what was found."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        document, at = decoder.raw_decode(text, at)
        yield document


def _books(books: dict[str, Any]) -> Table:
    rows = []
    for code, found in books.items():
        counts = [number(found[name]) for name in ("accepted", "registered", "forwarded", "at_e_maket")]
        wrong = [f"{name}: {_told(found[name])}" for name in _DIFFERENCES if found[name]]
        rows.append((code, *counts, "; ".join(wrong) or "agree"))
    return table(["programme", "accepted ", "registered ", "forwarded ", "at E-Maket ", "the books"], rows)


def _told(difference: object) -> str:
    if not isinstance(difference, list):
        return str(difference)
    most = 3
    more = f" and {len(difference) - most} more" if len(difference) > most else ""
    return f"{', '.join(map(str, difference[:most]))}{more}"
