"""Both applications in this process, asked without a wire: quick enough for millions of bad requests."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import unquote

import pytest
import structlog

from config.keys import Keys
from config.settings import Settings
from gateway.app import create_app
from gateway.http.express import Direct
from gateway.http.pulse import Pulse
from gateway.http.request import Trace, fold_headers
from gateway.http.services import Services
from gateway.logs import configure_logs
from gateway.operators import session
from gateway.operators.app import create_operators_app
from gateway.operators.desk import now_ms
from gateway.register.store import open_store
from gateway.register.tokens import Role, Tokens
from tests.integration.operators.control_room import living

KEYS = Keys({1: secrets.token_bytes(32)}, 1, secrets.token_bytes(32), secrets.token_bytes(32))

_DAY_MS = 86_400_000

_App = Callable[[Any, Any, Any], Awaitable[None]]


def forwarded_by(peer: str, entries: list[bytes]) -> Any:
    """What a server hands over of a request that came from `peer` with these X-Forwarded-For."""
    return {"client": (peer, 1), "headers": [(b"x-forwarded-for", entry) for entry in entries]}


def direct(services: Services, **headers: bytes) -> Direct:
    raw = [(name.encode(), value) for name, value in headers.items()]
    trace = Trace(services, *fold_headers(raw))
    return Direct(cast("Any", {"state": {"trace": trace}, "headers": raw}), cast("Any", None))


class Inside:
    """Opened in a loop of its own, so that plain functions can ask."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self._settings = Settings(redis_url=redis_url, data_dir=folder)
        self._loop = asyncio.new_event_loop()
        self._open = AsyncExitStack()
        self._patched = pytest.MonkeyPatch()
        self._token = ""

    def __enter__(self) -> Self:
        self._logs = structlog.get_config()
        configure_logs("error")
        self._app = create_app(self._settings, KEYS)
        self.services: Services = self._app.state.services
        self._loop.run_until_complete(self._begin())
        return self

    async def _begin(self) -> None:
        # What is asked here is asked in the same turns of the loop, and would make them long.
        self._patched.setattr(Pulse, "start", lambda _: None)
        # A second for each wrong token is for those who guess.
        self._patched.setattr(session, "_PAUSE_SECONDS", 0)
        self._desk = create_operators_app(self._settings)
        await self._open.enter_async_context(living(cast("Any", self._app)))
        await self._open.enter_async_context(living(self._desk))
        register = open_store(self._settings.register_dsn)
        now = now_ms()
        self._token = await Tokens(register).create("fuzz", Role.OPERATOR, now, now + _DAY_MS)
        await register.close()

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._open.aclose())
        self._loop.close()
        self._patched.undo()
        structlog.configure(**self._logs)

    def public(self, method: str, path: str, body: bytes, **headers: str) -> int:
        return self._ask(cast("_App", self._app), method, path, body, headers.items())

    def operators(self, method: str, path: str, body: bytes) -> int:
        bearer = {"authorization": f"Bearer {self._token}"}
        return self._ask(cast("_App", self._desk), method, path, body, bearer.items())

    def _ask(self, app: _App, method: str, path: str, body: bytes, headers: Iterable[tuple[str, str]]) -> int:
        """Return the status; raise what the application lets through to the server, which would say 500."""
        raw_path, _, query = path.partition("?")
        statuses: list[int] = []
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
            "method": method, "path": unquote(raw_path, "latin-1"), "raw_path": raw_path.encode("latin-1"),
            "query_string": query.encode("latin-1"), "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80), "state": {}, "extensions": {},
            "headers": [
                (b"content-type", b"application/json"),
                *((name.encode(), value.encode("latin-1")) for name, value in headers),
            ],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def ask() -> None:
            async with asyncio.timeout(10):
                await app(scope, receive, send)

        # A stream has no end: it is enough that it began.
        if "/events" not in path:
            self._loop.run_until_complete(ask())
        return statuses[0] if statuses else 200
