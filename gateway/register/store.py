"""The database under the journal: SQLite or PostgreSQL, one short transaction at a time."""

from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError

from gateway.register.postgresql import PostgresqlStore
from gateway.register.sqlite import SqliteStore

P = ParamSpec("P")
T = TypeVar("T")

_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
}


class Store(Protocol):
    """Runs functions that get a connection, each in a transaction of its own.

    A caller that is cancelled leaves the outcome unknown, and nothing locked.
    """

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` and commit what it did; return what it returned once that is on disk."""
        ...

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work`, which sees one moment and changes nothing."""
        ...

    async def close(self) -> None: ...


def open_store(dsn: str) -> Store:
    """Nothing is connected yet. Raises ValueError for a bad address."""
    url = parse_dsn(dsn)
    return SqliteStore(url) if is_sqlite(url) else PostgresqlStore(url)


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


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
