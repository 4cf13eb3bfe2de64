import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.settings import Settings
from gateway.inflight.status import tick
from gateway.inflight.store import Store
from gateway.register.migrate import migrate
from tests.integration.operators.control_room import PROGRAMME, ControlRoom, open_control_room
from tests.integration.register.conftest import postgres

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A register without a line, to be copied: a migration takes longer than most tests."""
    path = tmp_path_factory.mktemp("register") / "register.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def room_settings(redis_url: str, migrated: Path, tmp_path: Path) -> Settings:
    shutil.copy(migrated, tmp_path)
    return Settings(redis_url=redis_url, data_dir=tmp_path, redis_timeout_ms=500)


@pytest.fixture
async def room(room_settings: Settings) -> AsyncIterator[ControlRoom]:
    """The operators' process beside a programme that is served, with one who watches and one who steers."""
    async with open_control_room(room_settings) as room:
        await tick(Store(room.redis), PROGRAMME, 25_000, 60_000)
        yield room
