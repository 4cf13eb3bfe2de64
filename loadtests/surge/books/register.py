"""The journal of applications as it lies in the database, opened for reading only."""

from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from gateway.domain.case import State
from gateway.register.schema import applications, counters, history


class Row(NamedTuple):
    application_id: str
    number: str
    year: int
    sequence: int
    state: State
    person: str
    accepted_at_ms: int


class Register(Struct, frozen=True):
    """By application id, with all states it ever was in; `counted` is the last number given in a year."""

    rows: dict[str, Row]
    been: dict[str, set[State]]
    counted: dict[int, int]


def read_register(path: Path, programme: str) -> Register:
    """Read a SQLite file; raises SQLAlchemyError."""
    engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", poolclass=NullPool)
    columns = [applications.c[name] for name in Row._fields]
    with engine.connect() as connection:
        found = connection.execute(select(*columns).where(applications.c.programme == programme))
        rows = {row.application_id: Row(*row)._replace(state=State(row.state)) for row in found}
        been: dict[str, set[State]] = {one: set() for one in rows}
        for one, state in connection.execute(select(history.c.application_id, history.c.state)):
            if one in been:
                been[one].add(State(state))
        years = select(counters.c.year, counters.c.last).where(counters.c.programme == programme)
        return Register(rows, been, {row.year: row.last for row in connection.execute(years)})
