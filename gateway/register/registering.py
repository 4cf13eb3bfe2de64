"""An application gets its journal number."""

from typing import Final

from sqlalchemy import Connection, insert, select, update

from gateway.domain.calendar import journal_year
from gateway.domain.case import ENDED, PROCESSING, State, journal_number, programme_of
from gateway.register.entries import NewEntry
from gateway.register.schema import applications, counters
from gateway.register.timeline import append_steps

# These do not go on, so a newer token has nothing to guard there.
_AT_REST: Final = ENDED | {State.PARKED}


def register(connection: Connection, entry: NewEntry) -> str:
    """Do what Journal.register says; raise IntegrityError when another transaction got there first."""
    is_the_one = applications.c.application_id == entry.application_id
    number: str | None = connection.scalar(select(applications.c.number).where(is_the_one))
    if number is None:
        return _insert(connection, entry)
    # From now on whoever holds an older token is refused.
    connection.execute(
        update(applications)
        .where(is_the_one, applications.c.fence < entry.fence, applications.c.state.not_in(_AT_REST))
        .values(fence=entry.fence)
    )
    return number


def adopt(connection: Connection, entry: NewEntry, serial: int) -> None:
    """Do what Journal.adopt says; raise IntegrityError for a number that another application has."""
    if connection.scalar(
        select(applications.c.number).where(applications.c.application_id == entry.application_id)
    ):
        return
    _insert(connection, entry, serial)


def pass_over(connection: Connection, programme: str, year: int, serial: int) -> None:
    is_the_one = counters.c.programme == programme, counters.c.year == year
    last: int | None = connection.scalar(select(counters.c.last).where(*is_the_one).with_for_update())
    if last is None:
        connection.execute(insert(counters).values(programme=programme, year=year, last=serial))
    elif last < serial:
        connection.execute(update(counters).where(*is_the_one).values(last=serial))


def _insert(connection: Connection, entry: NewEntry, serial: int | None = None) -> str:
    """Write it down under the next number, or under the one with this serial."""
    programme = programme_of(entry.application_id)
    if programme is None:
        raise ValueError("an application is registered under its application id")
    if not entry.history or entry.history[-1].state not in PROCESSING:
        raise ValueError("an application is registered while it is being processed")
    year = journal_year(entry.accepted_at_ms)
    if serial is None:
        sequence = _next_sequence(connection, programme, year)
    else:
        sequence = serial
        pass_over(connection, programme, year, serial)
    number = journal_number(programme, year, sequence)
    connection.execute(
        insert(applications).values(
            application_id=entry.application_id,
            programme=programme,
            year=year,
            sequence=sequence,
            number=number,
            state=entry.history[-1].state,
            category=entry.category,
            person=entry.person,
            phone_hash=entry.phone_hash,
            receipt_hash=entry.receipt_hash,
            sealed=entry.sealed,
            sealed_phone=entry.sealed_phone,
            record_version=entry.record_version,
            accepted_at_ms=entry.accepted_at_ms,
            parks=0,
            fence=entry.fence,
        )
    )
    append_steps(connection, entry.application_id, entry.history, after=0)
    return number


def _next_sequence(connection: Connection, programme: str, year: int) -> int:
    """Count on; the counter's row stays locked until the transaction ends, so a rollback leaves no gap."""
    counted: int | None = connection.scalar(
        update(counters)
        .where(counters.c.programme == programme, counters.c.year == year)
        .values(last=counters.c.last + 1)
        .returning(counters.c.last)
    )
    if counted is not None:
        return counted
    connection.execute(insert(counters).values(programme=programme, year=year, last=1))
    return 1
