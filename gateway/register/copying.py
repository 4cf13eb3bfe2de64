"""The register copied while it is written to, and a copy put where there is none yet."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Connection, Select, func, inspect, select
from sqlalchemy.pool import NullPool

from gateway.domain.case import State
from gateway.register.postgresql import create_postgresql_engine
from gateway.register.schema import applications, history
from gateway.register.store import is_sqlite, parse_dsn

SQLITE_FILE: Final = "register.db"
POSTGRESQL_FILE: Final = "register.dump"

# What libpq calls its settings in the environment: an argument could be read by everybody on the machine.
_LIBPQ: Final = {
    "host": "PGHOST",
    "port": "PGPORT",
    "username": "PGUSER",
    "password": "PGPASSWORD",
    "database": "PGDATABASE",
}
_LIBPQ_QUERY: Final = {"host": "PGHOST", "port": "PGPORT", "ssl": "PGSSLMODE"}


class RegisterNotCopied(Exception):
    """Says in one line what is in the way."""


class Touched(NamedTuple):
    application_id: str
    person: str
    state: State
    accepted_at_ms: int


async def copy_register(dsn: str, folder: Path) -> Path:
    """Write the register as it is at one moment into `folder`; raises RegisterNotCopied, sqlite3.Error."""
    url = parse_dsn(dsn)
    if is_sqlite(url):
        return await asyncio.to_thread(_copy_sqlite, url, folder / SQLITE_FILE)
    target = folder / POSTGRESQL_FILE
    await _postgresql("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
    return target


async def put_register(dsn: str, folder: Path) -> None:
    """Lay a copy where the settings say that the register is; raises RegisterNotCopied."""
    url = parse_dsn(dsn)
    file = folder / (SQLITE_FILE if is_sqlite(url) else POSTGRESQL_FILE)
    if not _exists(file):
        raise RegisterNotCopied(
            f"the copy has no {file.name}: it is of another kind of database than the settings name"
        )
    await check_no_register(dsn)
    if is_sqlite(url):
        _put_sqlite(file, Path(str(url.database)))
        return
    await _postgresql(
        "pg_restore", url, "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges",
        f"--dbname={url.database}", str(file),
    )  # fmt: skip


async def check_no_register(dsn: str) -> None:
    """Raise RegisterNotCopied when there is a register already: nothing is ever overwritten."""
    url = parse_dsn(dsn)
    if is_sqlite(url):
        if _exists(Path(str(url.database))):
            raise RegisterNotCopied(f"{url.database} is there already")
        return
    engine = create_postgresql_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            tables = await connection.run_sync(lambda one: inspect(one).get_table_names())
    finally:
        await engine.dispose()
    if tables:
        raise RegisterNotCopied("the database of the register has tables already")


def touched_since(connection: Connection, programme: str, since_ms: int) -> list[Touched]:
    """Return all applications with a step since then, in the order of their last steps."""
    last_step = func.max(history.c.at_ms)
    query: Select[Any] = (
        select(*(applications.c[name] for name in Touched._fields))
        .join(history, history.c.application_id == applications.c.application_id)
        .where(applications.c.programme == programme)
        .group_by(*(applications.c[name] for name in Touched._fields))
        .having(last_step >= since_ms)
        .order_by(last_step, applications.c.application_id)
    )
    return [Touched(*row)._replace(state=State(row.state)) for row in connection.execute(query)]


def _exists(file: Path) -> bool:
    return file.exists()


def _put_sqlite(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(file, target)
    target.chmod(0o600)


def _copy_sqlite(url: URL, target: Path) -> Path:
    with closing(sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    return target


async def _postgresql(program: str, url: URL, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise RegisterNotCopied(f"there is no {program} here: install PostgreSQL's client")
    done = await asyncio.to_thread(
        subprocess.run, [found, *arguments], env=_libpq(url), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise RegisterNotCopied(f"{program} failed: {said[-1]}")


def _libpq(url: URL) -> Mapping[str, str]:
    parts = {variable: getattr(url, name) for name, variable in _LIBPQ.items()}
    parts |= {variable: url.query[name] for name, variable in _LIBPQ_QUERY.items() if name in url.query}
    return os.environ | {variable: str(value) for variable, value in parts.items() if value is not None}
