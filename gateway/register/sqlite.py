"""SQLite has one writer and no queue for it: here the calls of a process queue up and share their commits."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from gateway.register.metrics import timed

P = ParamSpec("P")
T = TypeVar("T")

# Other processes write to the same file, each for a few milliseconds; whoever is not let in for this long
# meets a broken disk and not a queue. Also the longest that a first start waits for another's migration.
_BUSY_TIMEOUT_MS: Final = 15_000

# A commit costs as much for one call as for many; more than these would keep other processes waiting.
_BATCH: Final = 64

# Reads are rare and never wait for writers.
_READERS: Final = 2

_Work = Callable[[Connection], Any]


class SqliteStore:
    """Commits what several callers ask for at once together; each still fails alone."""

    def __init__(self, url: URL) -> None:
        self._engine = create_sqlite_engine(url)
        self._reading_engine = self._engine.execution_options(reading=True)
        self._readers = ThreadPoolExecutor(_READERS, "register-reader")
        self._writer = ThreadPoolExecutor(1, "register-writer")
        self._waiting: deque[tuple[_Work, asyncio.Future[Any]]] = deque()
        self._committing: asyncio.Task[None] | None = None

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((lambda connection: work(connection, *args, **kwargs), done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        with timed("write"):
            return await done

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def run() -> T:
            with self._reading_engine.begin() as connection:
                return work(connection, *args, **kwargs)

        with timed("read"):
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    async def close(self) -> None:
        if self._committing is not None:
            await self._committing
        self._readers.shutdown()
        self._writer.shutdown()
        self._engine.dispose()

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH))]
                works = [work for work, _ in batch]
                outcomes = await loop.run_in_executor(self._writer, partial(_commit, self._engine, works))
                for (_, done), outcome in zip(batch, outcomes, strict=True):
                    _tell(done, outcome)
        finally:
            self._committing = None


def create_sqlite_engine(url: URL, poolclass: type[Pool] | None = None) -> Engine:
    # Errors must not show what was being written.
    engine = create_engine(
        url, hide_parameters=True, poolclass=poolclass, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000}
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin late and lock later; ours begin in `_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    # A commit that was answered is on disk, and a history never belongs to nobody. The write-ahead log itself
    # is switched on once, by the migration: it stays with the file.
    for pragma in ("synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {_BUSY_TIMEOUT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail when another writes in between, without
    # waiting; taking the write lock at once makes it wait.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _commit(engine: Engine, works: Sequence[_Work]) -> Sequence[Any]:
    """Return what each returned or raised; when the commit itself fails, that is what all of them hear."""
    try:
        with engine.begin() as connection:
            return [_attempt(connection, work) for work in works]
    except Exception as error:  # noqa: BLE001  # Each caller hears it.
        return [error] * len(works)


def _attempt(connection: Connection, work: _Work) -> Any:
    """Undo what `work` did when it fails, and only that."""
    try:
        with connection.begin_nested():
            return work(connection)
    except Exception as error:  # noqa: BLE001  # Its caller hears it.
        return error


def _tell(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.cancelled():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
