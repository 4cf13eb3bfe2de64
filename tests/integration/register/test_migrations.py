import asyncio
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from gateway.register.journal import open_journal
from gateway.register.migrate import downgrade, migrate
from gateway.register.schema import metadata
from gateway.register.store import open_store
from tests.integration.register.applicants import new_entry

MIGRATE = (
    "import asyncio, sys; from gateway.register.migrate import migrate; asyncio.run(migrate(sys.argv[1]))"
)


async def tables_of(dsn: str) -> set[str]:
    store = open_store(dsn)
    names = await store.read(lambda connection: set(inspect(connection).get_table_names()))
    await store.close()
    return names


async def test_tables_grow_out_of_nothing_go_and_come_back(empty_dsn: str) -> None:
    await migrate(empty_dsn)
    assert await tables_of(empty_dsn) == {*metadata.tables, "alembic_version"}
    await downgrade(empty_dsn, "base")
    assert await tables_of(empty_dsn) == {"alembic_version"}
    await migrate(empty_dsn)
    assert await tables_of(empty_dsn) == {*metadata.tables, "alembic_version"}


async def test_migrating_again_keeps_what_is_there(empty_dsn: str) -> None:
    await migrate(empty_dsn)
    journal = open_journal(empty_dsn)
    entry = new_entry("42500")
    number = await journal.register(entry)
    await migrate(empty_dsn)
    assert await journal.register(entry) == number
    await journal.close()


async def test_migrations_and_metadata_agree(dsn: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    store = open_store(dsn)
    assert await store.read(differences) == []
    await store.close()


async def test_processes_that_start_together_migrate_once(empty_dsn: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, empty_dsn) for _ in range(4)
    ]
    assert [await process.wait() for process in processes] == [0] * 4
    assert await tables_of(empty_dsn) == {*metadata.tables, "alembic_version"}


async def test_tasks_that_start_together_migrate_once(empty_dsn: str) -> None:
    await asyncio.gather(*(migrate(empty_dsn) for _ in range(8)))
    assert await tables_of(empty_dsn) == {*metadata.tables, "alembic_version"}


async def test_a_migration_that_fails_leaves_nothing_half_done(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError("the last table")

    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_index", stumble)
        with pytest.raises(RuntimeError):
            await migrate(empty_dsn)
    assert await tables_of(empty_dsn) == set()
    await migrate(empty_dsn)
