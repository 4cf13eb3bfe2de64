import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.pool import NullPool

from gateway.register.postgresql import create_postgresql_engine
from gateway.register.sqlite import create_sqlite_engine
from gateway.register.store import is_sqlite, parse_dsn

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

# Any number will do as long as nothing else in the database takes it; this one spells "qabyldau" in ASCII.
_ADVISORY_LOCK: Final = int.from_bytes(b"qabyldau")

# Two processes that switch a new file to the write-ahead log at the same moment may be told "locked" at once,
# without any waiting. The switch takes milliseconds, so a few tries are plenty.
_WAL_TRIES: Final = 100
_WAL_PAUSE_SECONDS: Final = 0.05

# Alembic keeps what it works on in its module.
_ALEMBIC: Final = threading.Lock()


async def migrate(dsn: str) -> None:
    """Bring the tables to the newest revision; processes that start together wait for the first of them."""
    await _run(dsn, lambda config: command.upgrade(config, "head"))


async def downgrade(dsn: str, revision: str) -> None:
    """Go back to `revision`; "base" drops the tables."""
    await _run(dsn, lambda config: command.downgrade(config, revision))


async def _run(dsn: str, migration: Callable[[Config], None]) -> None:
    url = parse_dsn(dsn)
    if is_sqlite(url):
        await asyncio.to_thread(_run_in_sqlite, url, migration)
        return
    engine = create_postgresql_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            await connection.run_sync(_migrate_with, migration)
    finally:
        await engine.dispose()


def _run_in_sqlite(url: URL, migration: Callable[[Config], None]) -> None:
    engine = create_sqlite_engine(url, poolclass=NullPool)
    _switch_to_wal(engine)
    # All of it is one transaction, which holds the file's write lock from its first statement.
    with engine.begin() as connection, _ALEMBIC:
        _migrate_with(connection, migration)


def _migrate_with(connection: Connection, migration: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    migration(config)


def _switch_to_wal(engine: Engine) -> None:
    for left in reversed(range(_WAL_TRIES)):
        try:
            # The switch is impossible inside a transaction, so it goes past SQLAlchemy, which begins one.
            with closing(engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
        except sqlite3.OperationalError as error:
            if not left:
                raise OSError(f"the register's file cannot be opened: {error}") from error
        time.sleep(_WAL_PAUSE_SECONDS)
