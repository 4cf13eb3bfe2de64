import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import aiosqlite
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool

from gateway.register.store import create_engine

_MIGRATIONS: Final = Path(__file__).parent / "migrations"

# Any number will do as long as nothing else in the database takes it; this one spells "qabyldau" in ASCII.
_ADVISORY_LOCK: Final = int.from_bytes(b"qabyldau")

# Two processes that switch a new file to the write-ahead log at the same moment may be told "locked" at once,
# without any waiting. The switch takes milliseconds, so a few tries are plenty.
_WAL_TRIES: Final = 100
_WAL_PAUSE_SECONDS: Final = 0.05


async def migrate(dsn: str) -> None:
    """Bring the tables to the newest revision; processes that start together wait for the first of them."""
    await _run(dsn, lambda config: command.upgrade(config, "head"))


async def downgrade(dsn: str, revision: str) -> None:
    """Go back to `revision`; "base" drops the tables."""
    await _run(dsn, lambda config: command.downgrade(config, revision))


async def _run(dsn: str, migration: Callable[[Config], None]) -> None:
    engine = create_engine(dsn, poolclass=NullPool)
    try:
        if engine.dialect.name == "sqlite":
            await _switch_to_wal(engine)
        # All of it is one transaction, which on SQLite holds the file's write lock from its first statement.
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            await connection.run_sync(_migrate_with, migration)
    finally:
        await engine.dispose()


def _migrate_with(connection: Connection, migration: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    migration(config)


async def _switch_to_wal(engine: AsyncEngine) -> None:
    for left in reversed(range(_WAL_TRIES)):
        try:
            async with engine.connect() as connection:
                # The switch is impossible inside a transaction, so it goes past SQLAlchemy, which begins one.
                raw = await connection.get_raw_connection()
                await cast("aiosqlite.Connection", raw.driver_connection).execute("PRAGMA journal_mode = WAL")
                return
        except (DBAPIError, sqlite3.OperationalError):
            if not left:
                raise
        await asyncio.sleep(_WAL_PAUSE_SECONDS)
