"""The stream of events of the real operators' process."""

import json
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from config.settings import Settings
from gateway.domain.programme import load_programmes
from gateway.inflight.status import tick
from gateway.inflight.steering import change_controls
from gateway.inflight.store import Store, open_redis
from gateway.operators.desk import now_ms
from gateway.register.store import open_store
from gateway.register.tokens import Role, Tokens
from tests.conftest import free_port
from tests.integration.operators.control_room import HOUR_MS, PROGRAMME, PROGRAMME_URL, bearer
from tests.integration.operators.processes import get_once_up, running

EVENTS = f"{PROGRAMME_URL}/events"


@pytest.fixture
def environment(room_settings: Settings, tmp_path: Path) -> dict[str, str]:
    return {
        "QABYLDAU_REDIS_URL": room_settings.redis_url,
        "QABYLDAU_DATA_DIR": str(tmp_path),
        "QABYLDAU_OPERATORS_PORT": str(free_port()),
    }


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running("gateway.operators.serve", environment, tmp_path / "operators.log") as process:
        yield process


@pytest.fixture
async def url(process: subprocess.Popen[bytes], environment: dict[str, str]) -> str:
    url = f"http://127.0.0.1:{environment['QABYLDAU_OPERATORS_PORT']}"
    await get_once_up(f"{url}/metrics")
    return url


@pytest.fixture
async def store(room_settings: Settings) -> AsyncIterator[Store]:
    """Of a programme that is served."""
    redis = open_redis(room_settings.redis_url, 2_000)
    await tick(Store(redis), PROGRAMME, 25_000, 60_000)
    yield Store(redis)
    await redis.aclose()


@pytest.fixture
async def tokens(room_settings: Settings, url: str) -> AsyncIterator[Tokens]:
    register = open_store(room_settings.register_dsn)
    yield Tokens(register)
    await register.close()


async def create(tokens: Tokens, name: str, role: Role = Role.VIEWER) -> dict[str, str]:
    return bearer(await tokens.create(name, role, now_ms(), now_ms() + HOUR_MS))


async def next_event(reply: aiohttp.ClientResponse) -> tuple[str, dict[str, Any]]:
    name = (await reply.content.readline()).decode().removeprefix("event: ").strip()
    data = json.loads((await reply.content.readline()).decode().removeprefix("data: "))
    assert await reply.content.readline() == b"\n"
    return name, data


async def test_the_state_comes_each_second_and_shows_what_was_changed(
    tokens: Tokens, store: Store, url: str, room_settings: Settings
) -> None:
    headers = await create(tokens, "vera")
    programme = load_programmes(room_settings.programmes_dir)[PROGRAMME]
    async with aiohttp.ClientSession(url) as session, session.get(EVENTS, headers=headers) as reply:
        assert reply.status == 200
        assert reply.content_type == "text/event-stream"
        assert reply.headers["Cache-Control"] == "no-store"
        name, first = await next_event(reply)
        await change_controls(store, programme, {"limit": 30_000}, {"limit": 25_000})
        limits = [first["limit"]]
        while limits[-1] != 30_000:
            limits.append((await next_event(reply))[1]["limit"])

    assert name == "state"
    assert first["programme"] == PROGRAMME
    assert len(limits) <= 4


async def test_whoever_loses_the_token_is_told_and_let_go(tokens: Tokens, store: Store, url: str) -> None:
    headers = await create(tokens, "leaver")
    async with aiohttp.ClientSession(url) as session, session.get(EVENTS, headers=headers) as reply:
        await next_event(reply)
        await tokens.revoke("leaver", now_ms())
        names = ["state"]
        while names[-1] == "state":
            names.append((await next_event(reply))[0])

        assert names[-1] == "bye"
        assert await reply.content.read() == b""


async def test_the_process_ends_while_somebody_watches(
    tokens: Tokens, store: Store, url: str, process: subprocess.Popen[bytes]
) -> None:
    headers = await create(tokens, "vera")
    async with aiohttp.ClientSession(url) as session, session.get(EVENTS, headers=headers) as reply:
        await next_event(reply)
        process.send_signal(signal.SIGTERM)

        # Before the server would have to kill it.
        assert process.wait(timeout=6) == 0


async def test_a_log_in_and_a_change_work_over_the_wire(tokens: Tokens, store: Store, url: str) -> None:
    token = await tokens.create("olzhas", Role.OPERATOR, now_ms(), now_ms() + HOUR_MS)
    body = {"changes": {"limit": 18_000}, "expected": {"limit": 25_000}, "reason": "Толқын"}
    # The browser's own jar keeps no cookie of an address that is no name.
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(url, cookie_jar=jar, headers={"Origin": url}) as session:
        assert (await session.post("/v1/session", json={"token": token})).status == 204
        changed = await session.post(f"{PROGRAMME_URL}/changes", json=body)
        assert (changed.status, (await changed.json())["state"]) == (200, "done")
        lines = (await (await session.get("/v1/audit")).json())["lines"]
        assert [line["action"] for line in lines] == ["change", "change", "log_in"]
        assert (await session.delete("/v1/session")).status == 204
        assert (await session.get("/v1/me")).status == 401
