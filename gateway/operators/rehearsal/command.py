"""`qabyldau rehearse`: a recorded day with other limits. Exit codes as those of every other command."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import rich_click as click

from gateway.domain.controls import (
    HIGHEST_LIMIT,
    LOWEST_LIMIT,
    Kind,
    OutOfRange,
    UnknownControl,
    Value,
    controls_of,
)
from gateway.domain.programme import Programme
from gateway.inflight.steering import MessageMissing
from gateway.operators.rehearsal.clock import ClockNotFound
from gateway.operators.rehearsal.recording import RecordingError, read_recording
from gateway.operators.rehearsal.report import rehearse
from gateway.operators.rehearsal.server import NoServer
from gateway.operators.rehearsal.table import table

# Chance that can be repeated.
_SEED = 42_500


_SWITCH = {"true": True, "false": False}


def _changes(programme: Programme, given: Sequence[str]) -> dict[str, Value]:
    """Read NAME=VALUE. What is no value of a control is refused later. Raises UnknownControl."""
    known, changes = controls_of(programme), dict[str, Value]()
    for text in given:
        name, _, value = text.partition("=")
        if name not in known:
            raise UnknownControl(name)
        changes[name] = value
        if known[name].kind is Kind.INTEGER and value.isdecimal():
            changes[name] = int(value)
        elif known[name].kind is Kind.BOOLEAN:
            changes[name] = _SWITCH.get(value, value)
    return changes


@click.command("rehearse")
@click.option(
    "--from",
    "path",
    required=True,
    metavar="RECORDING",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A recorded day: docs/rehearsal.md says how to get one.",
)
@click.option(
    "--limit", type=click.IntRange(LOWEST_LIMIT, HIGHEST_LIMIT), help="Rehearse with so many slots."
)
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another value of a control, as in inlet_per_second=50; may be repeated.",
)
@click.option("--sms-price", type=click.FloatRange(0), help="What an SMS costs.")
@click.option("--seed", type=int, default=_SEED, help="The same seed, the same figures.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def rehearse_command(
    *,
    path: Path,
    limit: int | None,
    given: tuple[str, ...],
    sms_price: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """Play a recorded day again, with what was in force then and with other limits.

    Nothing that serves people is touched: the functions run in a Valkey of their own.
    """
    try:
        recording = read_recording(path)
        changes = _changes(recording.header.programme, given)
        if limit is not None:
            changes = {"limit": limit, **changes}
        report = rehearse(recording, changes, seed, sms_price)
    except (UnknownControl, OutOfRange, MessageMissing) as error:
        raise click.BadParameter(str(error), param_hint="--set") from None
    except (RecordingError, NoServer) as error:
        raise click.ClickException(str(error)) from None
    except ClockNotFound:
        raise click.ClickException("the functions read the time elsewhere than a rehearsal knows") from None
    click.echo(msgspec.json.format(msgspec.json.encode(report)) if as_json else table(report))
