"""A recording of a day that was served, from the journal: `qabyldau record`.

Of whoever was accepted the journal knows when they were let in, accepted, and through. It knows nothing of
those who were not: report.py says what that does to a rehearsal.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

import rich_click as click
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from config.settings import SettingsError, find_redis_url, load_settings
from gateway.domain.calendar import ALMATY
from gateway.domain.case import State
from gateway.domain.controls import steered
from gateway.domain.programme import Programme, ProgrammeError, load_programmes
from gateway.inflight import store as inflight
from gateway.inflight.shards import connect_store
from gateway.inflight.steering import NotServed, read_controls
from gateway.operators.rehearsal.recording import (
    Arrival,
    Header,
    Reached,
    Recording,
    Source,
    write_recording,
)
from gateway.register import store as register
from gateway.register.schema import applications, history

# What ends the stay in a slot.
_FREED = frozenset({State.FORWARDED, State.REFUSED, State.PARKED})


class _Step(NamedTuple):
    application_id: str
    person: str
    state: State
    at_ms: int


async def record_from_register(
    store: register.Store, header: Header, from_ms: int, until_ms: int
) -> Recording:
    """Record who was accepted from `from_ms` on and before `until_ms` (epoch)."""
    steps = await store.read(_read_steps, header.programme.code, from_ms, until_ms)
    of_case: defaultdict[str, list[_Step]] = defaultdict(list)
    for step in steps:
        of_case[step.application_id].append(step)
    let_in = sorted((case for case in of_case.values()), key=lambda case: case[0].at_ms)
    return Recording(header, list(_arrivals(let_in)))


def _read_steps(connection: Connection, programme: str, from_ms: int, until_ms: int) -> list[_Step]:
    accepted_at_ms = applications.c.accepted_at_ms
    query = (
        select(history.c.application_id, applications.c.person, history.c.state, history.c.at_ms)
        .join(applications, applications.c.application_id == history.c.application_id)
        .where(applications.c.programme == programme, accepted_at_ms >= from_ms, accepted_at_ms < until_ms)
        .order_by(history.c.application_id, history.c.position)
    )
    return [_Step(*row)._replace(state=State(row.state)) for row in connection.execute(query)]


def _arrivals(cases: Sequence[Sequence[_Step]]) -> Iterator[Arrival]:
    """Expects the cases in the order in which they were let in."""
    ordinals: defaultdict[str, int] = defaultdict(count().__next__)
    for case in cases:
        first = case[0]
        accepted = next(step for step in case if step.state is State.ACCEPTED)
        freed = next((step for step in case if step.state in _FREED), None)
        confirming_ms = max(accepted.at_ms - first.at_ms, 0)
        yield Arrival(
            at_ms=first.at_ms - cases[0][0].at_ms,
            person=ordinals[first.person],
            reached=Reached.CODE,
            phone_ms=confirming_ms // 2,
            code_ms=confirming_ms - confirming_ms // 2,
            service_ms=max(freed.at_ms - accepted.at_ms, 0) if freed else None,
            is_refused=any(step.state is State.REFUSED for step in case),
        )


_MOMENT = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"])


@click.command("record")
@click.argument("programme")
@click.argument("recording", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--since", required=True, type=_MOMENT, help="From then on, in Almaty's time.")
@click.option("--until", required=True, type=_MOMENT, help="And before this.")
def record_command(*, programme: str, recording: Path, since: datetime, until: datetime) -> None:
    """Record a day of PROGRAMME from the journal into the file RECORDING, to rehearse with.

    There is no personal data in it: people are numbers in the order in which they came.
    """
    try:
        recorded = asyncio.run(_record(programme, _epoch_ms(since), _epoch_ms(until)))
    except (SettingsError, ProgrammeError) as error:
        raise click.UsageError(str(error)) from None
    except NotServed as error:
        raise click.ClickException(f"{programme}: {error}") from None
    except inflight.StoreUnavailable:
        raise click.ClickException("Redis does not answer: what is in force is not known") from None
    except (SQLAlchemyError, OSError, TimeoutError):
        raise click.ClickException("the register does not answer") from None
    if not recorded.arrivals:
        raise click.ClickException(f"{programme}: nobody was accepted in this time")
    write_recording(recorded, recording)
    click.echo(f"{recording}: {len(recorded.arrivals)} applications")


async def _record(code: str, from_ms: int, until_ms: int) -> Recording:
    settings = load_settings()
    programme = load_programmes(settings.programmes_dir).get(code)
    if programme is None:
        raise click.BadParameter(f"there is no programme {code}", param_hint="PROGRAMME")
    store = connect_store(find_redis_url(settings), settings.redis_timeout_ms)
    journal = register.open_store(settings.register_dsn)
    try:
        header = await _in_force(store, programme)
        return await record_from_register(journal, header, from_ms, until_ms)
    finally:
        await store.aclose()
        await journal.close()


async def _in_force(store: inflight.Store, programme: Programme) -> Header:
    """Raises NotServed, StoreUnavailable."""
    values = (await read_controls(store, programme)).values
    return Header(source=Source.REGISTER, programme=steered(programme, values), limit=int(values["limit"]))


def _epoch_ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=ALMATY).timestamp() * 1000)
