import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from loadtests.standins.app import create_standins
from workers.systems.e_maket import Forwarding
from workers.systems.fetch import open_session

SECRET = b"the secret of the webhook"

USUAL_IIN = "900101300423"
FAILS_IIN = "900101399908"
NEVER_KNOWN_IIN = "900101399918"
KNOWN_LATER_IIN = "900101399928"
DENIED_IIN = "900101399938"

CASE = Forwarding(
    application_id="42500-a",
    number="42500-2026-0000001",
    programme="42500",
    category="entrepreneur",
    iin=USUAL_IIN,
    employer=None,
    full_name="Әсем Сапарқызы",
    iban="KZ86125KZT5004100100",
    email=None,
    accepted_at=datetime(2026, 4, 8, 3, tzinfo=UTC),
)

StartStandins = Callable[..., Awaitable["Standins"]]


class Standins:
    """The stand-ins as a test sees them: over HTTP only."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self._session.request(method, self.url + path, **options) as reply:
            content = await reply.read()
            return reply.status, msgspec.json.decode(content) if content else None

    async def get(self, path: str) -> Any:
        status, content = await self.ask("GET", path)
        assert status == 200
        return content

    async def break_system(self, system: str, **knobs: object) -> None:
        status, _ = await self.ask("PUT", f"/faults/{system}", json=knobs)
        assert status == 200

    async def mend_all(self) -> None:
        status, _ = await self.ask("DELETE", "/faults")
        assert status == 204


class Gateway:
    """The far end of the webhook: keeps what it was sent and answers with `status`."""

    def __init__(self) -> None:
        self.status = 204
        self.calls: list[tuple[dict[str, str], bytes]] = []

    async def decide(self, request: web.Request) -> web.Response:
        self.calls.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status)

    @property
    def decisions(self) -> list[Any]:
        return [msgspec.json.decode(body) for _, body in self.calls]


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Return once it is so; the test's own time limit ends what never becomes so."""
    while not await is_so():  # noqa: ASYNC110 - what is waited for happens at the other end of the wire
        await asyncio.sleep(0.02)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
async def gateway_server() -> AsyncIterator[tuple[Gateway, str]]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_post("/v1/decisions", gateway.decide)
    async with TestServer(app) as server:
        yield gateway, str(server.make_url("")).rstrip("/")


@pytest.fixture
def gateway(gateway_server: tuple[Gateway, str]) -> Gateway:
    return gateway_server[0]


@pytest.fixture
async def start_standins(
    session: aiohttp.ClientSession, gateway_server: tuple[Gateway, str]
) -> AsyncIterator[StartStandins]:
    servers: list[TestServer] = []

    async def start(**options: Any) -> Standins:
        options = {"gateway_url": gateway_server[1], "decide_after_ms": 0, **options}
        server = TestServer(create_standins(webhook_secret=SECRET, **options))
        await server.start_server(shutdown_timeout=1)
        servers.append(server)
        return Standins(str(server.make_url("")).rstrip("/"), session)

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def standins(start_standins: StartStandins) -> Standins:
    return await start_standins()
