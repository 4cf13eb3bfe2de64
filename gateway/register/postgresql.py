"""PostgreSQL gathers commits itself: each call is a transaction on a connection of the pool."""

from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from asyncpg import PostgresError  # type: ignore[import-untyped]  # It has no types.
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from gateway.register.metrics import timed

P = ParamSpec("P")
T = TypeVar("T")

# A database that answers no connection or no statement within these is away: every caller comes again later.
_CONNECT_TIMEOUT_SECONDS: Final = 5
_COMMAND_TIMEOUT_SECONDS: Final = 15


class PostgresqlStore:
    def __init__(self, url: URL) -> None:
        self._engine = create_postgresql_engine(url, command_timeout=_COMMAND_TIMEOUT_SECONDS)
        # The statements that read one entry must all see the same moment.
        self._reading_engine = self._engine.execution_options(
            isolation_level="REPEATABLE READ",
            postgresql_readonly=True,
        )

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with timed("write"):
            async with self._engine.begin() as connection:
                return await connection.run_sync(work, *args, **kwargs)

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with timed("read"):
            async with self._reading_engine.begin() as connection:
                return await connection.run_sync(work, *args, **kwargs)

    async def close(self) -> None:
        await self._engine.dispose()


def create_postgresql_engine(
    url: URL, *, poolclass: type[Pool] | None = None, **connect_args: Any
) -> AsyncEngine:
    # Errors must not show what was being written. A connection cut while it rested in the pool is found and
    # replaced before it is used.
    engine = create_async_engine(
        url,
        hide_parameters=True,
        poolclass=poolclass,
        pool_pre_ping=True,
        connect_args={"timeout": _CONNECT_TIMEOUT_SECONDS, **connect_args},
    )
    event.listen(engine.sync_engine, "do_connect", _connect)
    return engine


def _connect(
    dialect: Dialect, _: ConnectionPoolEntry, args: tuple[Any, ...], options: dict[str, Any]
) -> DBAPIConnection:
    """A server that starts, or is full, says so in errors that SQLAlchemy lets through as they are."""
    try:
        return dialect.connect(*args, **options)
    except PostgresError as error:
        raise ConnectionError(type(error).__name__) from error
