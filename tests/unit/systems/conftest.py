from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from workers.systems.fetch import open_session

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FarEnd = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    """A server at the far end of the wire that does what the test's handler does; gives its base URL."""
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(app)
        await server.start_server(shutdown_timeout=1)
        servers.append(server)
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()
