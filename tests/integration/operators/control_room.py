"""The operators' application in this process, its register and its Redis, for one test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from litestar import Litestar

from config.settings import Settings
from gateway.operators.app import create_operators_app
from gateway.operators.desk import Desk, now_ms
from gateway.operators.room import Room
from gateway.register.store import open_store
from gateway.register.tokens import Role, Tokens

PROGRAMME = "42500"
PROGRAMME_URL = f"/v1/programmes/{PROGRAMME}"
HOUR_MS = 3_600_000


class ControlRoom:
    def __init__(self, app: Litestar, client: httpx.AsyncClient, tokens: Tokens) -> None:
        self.app, self.client, self.tokens = app, client, tokens
        self.viewer = self.operator = ""

    @property
    def inside(self) -> Room:
        room: Room = self.app.state.room
        return room

    @property
    def desk(self) -> Desk:
        return self.inside.desk

    @property
    def redis(self) -> Any:
        return self.desk.store.redis

    async def token(self, name: str, role: Role, lifetime_ms: int = HOUR_MS) -> str:
        return await self.tokens.create(name, role, now_ms(), now_ms() + lifetime_ms)

    async def get(self, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        return await self.client.get(path, headers=bearer(token or self.viewer), **more)

    async def post(self, path: str, body: object, token: str | None = None) -> httpx.Response:
        return await self.client.post(path, json=body, headers=bearer(token or self.operator))

    async def change(self, reason: str = "Толқын", **changes: Any) -> httpx.Response:
        """Each change is (expected, new)."""
        body = {
            "changes": {name: new for name, (_, new) in changes.items()},
            "expected": {name: old for name, (old, _) in changes.items()},
            "reason": reason,
        }
        return await self.post(f"{PROGRAMME_URL}/changes", body)

    async def values(self) -> dict[str, Any]:
        reply = await self.get(f"{PROGRAMME_URL}/controls")
        assert reply.status_code == 200, reply.text
        return {control["name"]: control["value"] for control in reply.json()["controls"]}

    async def trail(self, **params: int) -> list[dict[str, Any]]:
        reply = await self.get("/v1/audit", params=params)
        assert reply.status_code == 200, reply.text
        lines: list[dict[str, Any]] = reply.json()["lines"]
        return lines


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def living(app: Litestar) -> AsyncIterator[None]:
    """Let the application begin and end in a task of its own, as a server does."""
    begun, ending = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            begun.set()
            await ending.wait()

    life = asyncio.create_task(live())
    await begun.wait()
    yield
    ending.set()
    await life


@asynccontextmanager
async def open_control_room(
    settings: Settings, names: tuple[str, str] = ("vera", "olzhas")
) -> AsyncIterator[ControlRoom]:
    """Open it with two inside, one who watches and one who steers."""
    app = create_operators_app(settings)
    register = open_store(settings.register_dsn)
    # httpx and Litestar each have types of their own for ASGI.
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with living(app), httpx.AsyncClient(transport=transport, base_url="http://operators") as client:
        room = ControlRoom(app, client, Tokens(register))
        room.viewer = await room.token(names[0], Role.VIEWER)
        room.operator = await room.token(names[1], Role.OPERATOR)
        yield room
    await register.close()


async def eventually(room: ControlRoom, token: str, status: int) -> None:
    """Ask who holds the token until that is the answer."""
    await until(lambda: _is_answered(room, token, status))


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """The test's own time limit ends a wait in vain."""
    while not await is_so():  # noqa: ASYNC110 - What is waited for happens in another process or thread.
        await asyncio.sleep(0.02)


async def _is_answered(room: ControlRoom, token: str, status: int) -> bool:
    return (await room.get("/v1/me", token)).status_code == status
