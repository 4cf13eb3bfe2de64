"""Whoever knocks at a programme with few of everything, behind a proxy, and may send a body slowly."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest

from config.settings import CONFIG_DIR, Settings
from tests.integration.http.journey import Journey, form
from tests.integration.http.waiting import APPLICATIONS

JSON = {"Content-Type": "application/json"}
HOME, OFFICE = "198.51.100.7", "203.0.113.9"
# So few and so seldom that the time a test takes decides nothing.
LIMITS = {
    "address": "{ count = 3, window_seconds = 3_600 }",
    "person": "{ count = 2, window_seconds = 7_200 }",
}


@pytest.fixture
def redis_timeout_ms() -> int:
    return 2_000


@pytest.fixture
def settings(settings: Settings, redis_timeout_ms: int) -> Settings:
    """A programme with few of everything, behind a proxy that is believed."""
    programmes = settings.data_dir / "programmes"
    programmes.mkdir()
    lines = (CONFIG_DIR / "programmes" / "42500.toml").read_text().splitlines()
    changed = [
        f"{name} = {LIMITS[name]}" if (name := line.split(" ")[0]) in LIMITS else line for line in lines
    ]
    (programmes / "42500.toml").write_text("\n".join(changed))
    return msgspec.structs.replace(
        settings,
        programmes_dir=programmes,
        trusted_proxies=("127.0.0.0/8",),
        redis_timeout_ms=redis_timeout_ms,
        body_timeout_ms=60_000,
    )


class Clock:
    """What a process takes for the time, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    stopped = SimpleNamespace(monotonic=clock.monotonic, perf_counter=time.perf_counter)
    monkeypatch.setattr("gateway.http.crowd.time", stopped)
    monkeypatch.setattr("gateway.inflight.store.time", stopped)
    return clock


class Body:
    """A body that notices whether it is read, and does not end before it is told to."""

    def __init__(self, content: bytes = b"{}", *, ends: bool = True) -> None:
        self.content, self.was_read, self.may_end = content, asyncio.Event(), asyncio.Event()
        if ends:
            self.may_end.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.was_read.set()
        yield self.content
        await self.may_end.wait()


async def knock(
    journey: Journey, address: str = HOME, body: Body | None = None, **more: Any
) -> httpx.Response:
    """Send a new person's form, or a body of its own."""
    sent: dict[str, Any] = {"json": form()} if body is None else {"content": body}
    headers = {"X-Forwarded-For": address, **(JSON if body else {}), **more.pop("headers", {})}
    return await journey.client.post(APPLICATIONS, headers=headers, **{**sent, **more})


async def use_up(journey: Journey, address: str = HOME) -> None:
    replies = [await knock(journey, address) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [202] * 3
