import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from gateway.domain.case import journal_number
from gateway.register.journal import Journal, open_journal
from gateway.register.migrate import migrate
from gateway.register.store import open_store, parse_dsn
from tests.integration.register.applicants import new_entry

# Of a page of SQLite, as it comes.
_PAGE_BYTES = 4096


@pytest.mark.parametrize(
    ("dsn", "written"),
    [
        ("sqlite:///var/register.db", "sqlite+pysqlite:///var/register.db"),
        ("postgres://host/db", "postgresql+asyncpg://host/db"),
        ("postgresql://host/db?sslmode=require", "postgresql+asyncpg://host/db?ssl=require"),
        ("postgresql+asyncpg://host/db", "postgresql+asyncpg://host/db"),
    ],
)
def test_an_address_is_accepted_as_operators_write_it(dsn: str, written: str) -> None:
    assert parse_dsn(dsn).render_as_string() == written


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "register.db",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://user:secret@host/db",
        "postgresql://u:secret@h:x/",
    ],
)
def test_a_bad_address_is_refused_without_being_repeated(dsn: str) -> None:
    with pytest.raises(ValueError, match="register") as refused:
        parse_dsn(dsn)
    assert "secret" not in str(refused.value)
    assert refused.value.__context__ is None or refused.value.__suppress_context__


async def test_an_error_of_the_database_does_not_show_what_was_written(
    journal: Journal, programme: str
) -> None:
    with pytest.raises(IntegrityError, match="parameters hidden"):
        await journal.register(replace(new_entry(programme), person=cast("str", None)))


async def test_sqlite_syncs_each_commit_and_lets_readers_read_meanwhile(tmp_path: Path) -> None:
    dsn = f"sqlite:///{tmp_path}/register.db"
    await migrate(dsn)
    store = open_store(dsn)
    is_writing, may_end = threading.Event(), threading.Event()

    def write(_: Connection) -> None:
        is_writing.set()
        may_end.wait()

    def read(connection: Connection) -> list[object]:
        return [
            connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        ]

    writing = asyncio.create_task(store.write(write))
    await asyncio.to_thread(is_writing.wait)
    assert await store.read(read) == ["wal", 2, 1]
    may_end.set()
    await writing
    await store.close()


async def test_calls_that_come_together_share_commits_and_fail_alone(
    journal: Journal, programme: str
) -> None:
    good, bad = new_entry(programme), replace(new_entry(programme), person=cast("str", None))
    first, failed, again, last = await asyncio.gather(
        journal.register(good),
        journal.register(bad),
        journal.register(good),
        journal.register(new_entry(programme)),
        return_exceptions=True,
    )
    assert isinstance(failed, IntegrityError)
    # Which of two that come at once has the lower number is nobody's promise; that there is no gap, is.
    assert again == first
    assert {first, last} == {journal_number(programme, 2026, serial) for serial in (1, 2)}


async def test_sqlite_commits_what_waits_in_one_step(tmp_path: Path) -> None:
    dsn = f"sqlite:///{tmp_path}/register.db"
    await migrate(dsn)
    journal = open_journal(dsn)
    before = commits_of(tmp_path)
    await asyncio.gather(*(journal.register(new_entry("42500")) for _ in range(40)))
    assert commits_of(tmp_path) - before == 1
    for _ in range(3):
        await journal.register(new_entry("42500"))
    assert commits_of(tmp_path) - before == 4
    await journal.close()


def commits_of(folder: Path) -> int:
    """Each commit ends with a frame of the write-ahead log that names the size of the database."""
    log = (folder / "register.db-wal").read_bytes()[32:] if (folder / "register.db-wal").exists() else b""
    size = 24 + _PAGE_BYTES
    return sum(log[at + 4 : at + 8] != bytes(4) for at in range(0, len(log) - size + 1, size))
