from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.register.journal import Journal
from gateway.register.migrate import migrate
from gateway.register.store import Store, parse_dsn
from tests.integration.register.applicants import new_entry


@pytest.mark.parametrize(
    ("dsn", "written"),
    [
        ("sqlite:///var/register.db", "sqlite+aiosqlite:///var/register.db"),
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
    store = Store(dsn)
    async with store.writing(), store.reading() as connection:
        modes = [
            (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert modes == ["wal", 2, 1]
    await store.close()
