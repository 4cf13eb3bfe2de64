from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from config.keys import create_keys
from config.settings import Settings, load_settings
from loadtests.standins.app import create_standins
from tests.conftest import free_port
from tests.integration.workers.world import World
from workers.main import open_tools


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return load_settings(
        {
            "QABYLDAU_REDIS_URL": redis_url,
            "QABYLDAU_DATA_DIR": str(tmp_path),
            "QABYLDAU_STANDINS_PORT": str(free_port()),
            "QABYLDAU_SYSTEM_TIMEOUT_MS": "300",
            "QABYLDAU_SMS_LOGIN": "login",
            "QABYLDAU_SMS_PASSWORD": "password",
        }
    )


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    keys = create_keys(settings.keys_path)
    # Decisions are another test's matter; here E-Maket takes longer to decide than any test lives.
    standins = web.AppRunner(create_standins("http://127.0.0.1:1", keys.webhook, decide_after_ms=3_600_000))
    await standins.setup()
    await web.TCPSite(standins, "127.0.0.1", settings.standins_port).start()
    async with open_tools(settings) as opened:
        yield World(opened.programmes[0], settings, opened.session)
    await standins.cleanup()
