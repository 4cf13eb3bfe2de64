import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from config.settings import Settings
from gateway.http.wire import rfc3339
from gateway.inflight.status import tick
from gateway.inflight.steering import change_controls
from gateway.inflight.store import Store
from gateway.operators.desk import now_ms
from gateway.operators.planning import carry_out_due
from tests.integration.operators.control_room import (
    PROGRAMME,
    PROGRAMME_URL,
    ControlRoom,
    open_control_room,
    until,
)
from tests.integration.register.conftest import create_database

HOUR_SECONDS = 3_600
PLANS = f"{PROGRAMME_URL}/plans"


@pytest.fixture(params=["sqlite", "postgresql"])
async def settings(request: pytest.FixtureRequest, room_settings: Settings) -> Settings:
    if request.param == "sqlite":
        return room_settings
    dsn = create_database(request.getfixturevalue("postgres"))
    return msgspec.structs.replace(room_settings, register_url=dsn)


@pytest.fixture
async def room(settings: Settings) -> AsyncIterator[ControlRoom]:
    async with open_control_room(settings) as room:
        await tick(Store(room.redis), PROGRAMME, 25_000, 60_000)
        yield room


async def plan(room: ControlRoom, **more: Any) -> httpx.Response:
    body = {"changes": {"limit": 30_000}, "expected": {"limit": 25_000}, "reason": "Таңғы толқын"}
    return await room.post(f"{PROGRAMME_URL}/changes", body | more)


def after(seconds: float) -> str:
    return rfc3339(now_ms() + int(seconds * 1000))


async def limit(room: ControlRoom) -> object:
    return (await room.values())["limit"]


async def plans(room: ControlRoom) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await room.get(PLANS)).json()["plans"]
    return listed


async def pass_time(room: ControlRoom, seconds: int) -> None:
    """Let the plans be looked at as they will be then."""
    await carry_out_due(room.desk, now_ms() + seconds * 1000)


async def outcomes(room: ControlRoom) -> list[tuple[str, str]]:
    """Oldest first."""
    return [(line["action"], line["outcome"]) for line in reversed(await room.trail())]


async def test_a_planned_change_is_made_at_its_time_by_itself(room: ControlRoom) -> None:
    reply = await plan(room, at=after(1))

    assert reply.status_code == 200, reply.text
    assert (reply.json()["state"], reply.json()["new"]) == ("planned", {"limit": 30_000})
    assert await limit(room) == 25_000

    async def is_made() -> bool:
        return await limit(room) == 30_000

    await until(is_made)

    async def is_written() -> bool:
        return await plans(room) == []

    await until(is_written)
    assert await outcomes(room) == [("change", "planned"), ("change", "done")]
    done = (await room.trail())[0]
    assert (done["actor"], done["reason"]) == ("olzhas", "Таңғы толқын")
    assert done["subject"] == str(reply.json()["change"])


async def test_a_change_for_a_while_is_made_at_once_and_taken_back(room: ControlRoom) -> None:
    assert (await plan(room, for_seconds=HOUR_SECONDS)).json()["state"] == "done"
    assert await limit(room) == 30_000
    (back,) = await plans(room)
    assert (back["changes"], back["expected"], back["goes_back"]) == (
        {"limit": None},
        {"limit": 30_000},
        True,
    )

    await pass_time(room, HOUR_SECONDS - 60)
    assert await limit(room) == 30_000
    await pass_time(room, HOUR_SECONDS + 60)

    assert await limit(room) == 25_000
    assert await plans(room) == []
    expected = [("change", "requested"), ("change", "done"), ("rollback", "done")]
    assert await outcomes(room) == expected


async def test_a_planned_change_for_a_while_comes_and_goes(room: ControlRoom) -> None:
    await plan(room, at=after(HOUR_SECONDS), for_seconds=HOUR_SECONDS)

    await pass_time(room, HOUR_SECONDS + 1)
    assert await limit(room) == 30_000
    assert [one["goes_back"] for one in await plans(room)] == [True]
    await pass_time(room, 2 * HOUR_SECONDS + 1)

    assert await limit(room) == 25_000
    assert await plans(room) == []


async def test_a_plan_survives_the_process(settings: Settings, room: ControlRoom) -> None:
    await plan(room, at=after(HOUR_SECONDS))

    async with open_control_room(settings, names=("next watcher", "next operator")) as another:
        await pass_time(another, HOUR_SECONDS + 1)

    assert await limit(room) == 30_000


async def test_a_plan_whose_values_others_have_changed_is_not_made(room: ControlRoom) -> None:
    await plan(room, at=after(HOUR_SECONDS))
    await room.change(limit=(25_000, 18_000))

    await pass_time(room, HOUR_SECONDS + 1)

    assert await limit(room) == 18_000
    assert (await outcomes(room))[-1] == ("change", "changed")
    assert await plans(room) == []


async def test_a_way_back_that_others_have_changed_is_not_gone(room: ControlRoom) -> None:
    await plan(room, for_seconds=HOUR_SECONDS)
    await room.change(limit=(30_000, 18_000))

    await pass_time(room, HOUR_SECONDS + 1)

    assert await limit(room) == 18_000
    assert (await outcomes(room))[-1] == ("rollback", "changed")


async def test_a_change_that_was_refused_leaves_no_way_back_behind(room: ControlRoom) -> None:
    await room.change(limit=(25_000, 18_000))

    assert (await plan(room, for_seconds=HOUR_SECONDS)).status_code == 409

    assert await plans(room) == []


async def test_a_plan_made_before_a_crash_is_not_taken_for_somebody_elses(room: ControlRoom) -> None:
    await plan(room, at=after(HOUR_SECONDS), for_seconds=HOUR_SECONDS)
    programme = room.desk.programmes[PROGRAMME]
    await change_controls(room.desk.store, programme, {"limit": 30_000}, {"limit": 25_000})

    await pass_time(room, HOUR_SECONDS + 1)

    assert (await outcomes(room))[-1] == ("change", "done")
    assert [one["changes"] for one in await plans(room)] == [{"limit": None}]


async def test_a_plan_whose_whole_time_has_passed_is_missed(room: ControlRoom) -> None:
    await plan(room, at=after(HOUR_SECONDS), for_seconds=60)

    await pass_time(room, 2 * HOUR_SECONDS)

    assert await limit(room) == 25_000
    assert (await outcomes(room))[-1] == ("change", "missed")
    assert await plans(room) == []


async def test_two_processes_make_a_plan_once(room: ControlRoom) -> None:
    await plan(room, at=after(HOUR_SECONDS))

    await asyncio.gather(*(pass_time(room, HOUR_SECONDS + 1) for _ in range(5)))

    assert await outcomes(room) == [("change", "planned"), ("change", "done")]


async def test_a_cancelled_plan_is_not_made(room: ControlRoom) -> None:
    change = (await plan(room, at=after(HOUR_SECONDS))).json()["change"]
    headers = {"Authorization": f"Bearer {room.operator}"}

    assert (await room.client.delete(f"{PLANS}/{change}", headers=headers)).status_code == 204
    assert (await room.client.delete(f"{PLANS}/{change}", headers=headers)).status_code == 404

    await pass_time(room, HOUR_SECONDS + 1)
    assert await limit(room) == 25_000
    assert await outcomes(room) == [("change", "planned"), ("cancel_plan", "done")]


async def test_plans_are_told_the_soonest_first(room: ControlRoom) -> None:
    for hours in (3, 1, 2):
        await plan(room, at=after(hours * HOUR_SECONDS))

    assert [one["at"] for one in await plans(room)] == sorted(one["at"] for one in await plans(room))
    assert [one["id"] for one in await plans(room)] == [2, 3, 1]
