import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from config.keys import Keys
from config.settings import Settings
from gateway.app import create_app
from gateway.http.pulse import Pulse
from gateway.http.routes import Application
from tests.integration.http.journey import Journey, alive

# What helpers assert is as worth explaining as what a test does.
pytest.register_assert_rewrite(
    *(f"tests.integration.http.{name}" for name in ("knocking", "lost_receipts", "machines"))
)


@pytest.fixture
def keys() -> Keys:
    return Keys({1: secrets.token_bytes(32)}, 1, secrets.token_bytes(32), secrets.token_bytes(32))


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=redis_url, data_dir=tmp_path, body_timeout_ms=200, max_body_bytes=131_072)


@pytest.fixture
def app(settings: Settings, keys: Keys) -> Application:
    return create_app(settings, keys)


@pytest.fixture(scope="module", autouse=True)
def _without_pulse() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        # What a test itself does is done in the same turns of the loop, and would make them long.
        patched.setattr(Pulse, "start", lambda _: None)
        yield


@pytest.fixture
async def journey(app: Application) -> AsyncIterator[Journey]:
    # httpx and Litestar each have types of their own for ASGI.
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with alive(app), httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield Journey(client, app.state.services)


@pytest.fixture
def client(journey: Journey) -> httpx.AsyncClient:
    return journey.client
