"""The database under the journal: SQLite or PostgreSQL, one short transaction at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final

from sqlalchemy import URL, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, Pool

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}

# Other processes write to the same file, each for a few milliseconds; whoever is not let in for this long
# meets a broken disk and not a queue. Also the longest that a first start waits for another's migration.
_BUSY_TIMEOUT_MS: Final = 15_000

# A database that answers no connection or no statement within these is away: every caller comes again later.
_CONNECT_TIMEOUT_SECONDS: Final = 5
_COMMAND_TIMEOUT_SECONDS: Final = 15


def parse_dsn(dsn: str) -> URL:
    """Accept `sqlite:///path` and `postgresql://…`, with or without the driver's name.

    Raise ValueError, which never repeats the address: it may hold a password.
    """
    try:
        url = make_url(dsn)
    except (ArgumentError, ValueError):
        raise ValueError("the register's address is not a database URL") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise ValueError("the register lives in SQLite or PostgreSQL")
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError("the register needs a file: it is the journal of applications, for good")
    # What libpq calls sslmode, asyncpg calls ssl; the values are the same.
    query = {"ssl" if name == "sslmode" else name: value for name, value in url.query.items()}
    return url.set(drivername=driver, query=query)


def create_engine(dsn: str, *, poolclass: type[Pool] | None = None, **connect_args: Any) -> AsyncEngine:
    url = parse_dsn(dsn)
    # Errors must not show what was being written.
    options: dict[str, Any] = {"hide_parameters": True, "poolclass": poolclass}
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000}, **options)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    # A connection cut while it rested in the pool is found and replaced before it is used.
    return create_async_engine(
        url,
        pool_pre_ping=True,
        connect_args={"timeout": _CONNECT_TIMEOUT_SECONDS, **connect_args},
        **options,
    )


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin late and lock later; ours begin in `_begin_sqlite`.
    connection.isolation_level = None
    cursor = connection.cursor()
    # A commit that was answered is on disk, and a history never belongs to nobody. The write-ahead log itself
    # is switched on once, by the migration: it stays with the file.
    for pragma in ("synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {_BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail when another writes in between, without
    # waiting; taking the write lock at once makes it wait.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


class Store:
    def __init__(self, dsn: str) -> None:
        self._engine = create_engine(dsn, command_timeout=_COMMAND_TIMEOUT_SECONDS)
        if self._engine.dialect.name == "sqlite":
            self._reading_engine = self._engine.execution_options(reading=True)
            # SQLite has one writer and no queue for it: here the tasks of this process queue up.
            self._writer: asyncio.Lock | nullcontext[None] = asyncio.Lock()
        else:
            # The statements that read one entry must all see the same moment.
            self._reading_engine = self._engine.execution_options(
                isolation_level="REPEATABLE READ",
                postgresql_readonly=True,
            )
            self._writer = nullcontext()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer, self._engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self._reading_engine.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self._engine.dispose()
