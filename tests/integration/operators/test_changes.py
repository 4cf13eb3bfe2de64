import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from config.settings import Settings
from gateway.inflight.status import tick
from gateway.inflight.store import Store
from supervisor.valkey import ValkeyProcess
from tests.integration.operators.control_room import (
    PROGRAMME,
    PROGRAMME_URL,
    ControlRoom,
    open_control_room,
)
from tests.integration.register.conftest import create_database

CHANGES = f"{PROGRAMME_URL}/changes"


@pytest.fixture(params=["sqlite", "postgresql"])
async def room(request: pytest.FixtureRequest, room_settings: Settings) -> AsyncIterator[ControlRoom]:
    """As everywhere, on both databases."""
    settings = room_settings
    if request.param == "postgresql":
        dsn = create_database(request.getfixturevalue("postgres"))
        settings = msgspec.structs.replace(settings, register_url=dsn)
    async with open_control_room(settings) as room:
        await tick(Store(room.redis), PROGRAMME, 25_000, 60_000)
        yield room


async def test_a_change_is_in_force_and_in_the_trail_with_its_reason(room: ControlRoom) -> None:
    reply = await room.change("Маса көбейді", limit=(25_000, 30_000))

    assert reply.status_code == 200, reply.text
    made = reply.json()
    assert (made["old"], made["new"], made["state"]) == ({"limit": 25_000}, {"limit": 30_000}, "done")
    assert (await room.values())["limit"] == 30_000
    done, requested = await room.trail()
    assert (requested["outcome"], done["outcome"]) == ("requested", "done")
    assert done["sequence"] == made["change"]
    assert done["subject"] == str(requested["sequence"])
    for line in (requested, done):
        assert (line["actor"], line["role"], line["action"]) == ("olzhas", "operator", "change")
        assert (line["programme"], line["reason"]) == (PROGRAMME, "Маса көбейді")
    assert done["details"] == {"old": {"limit": 25_000}, "new": {"limit": 30_000}}
    assert (await room.desk.trail.verify()).broken is None


async def test_several_controls_change_together(room: ControlRoom) -> None:
    messages: dict[str, Any] = {
        f"message_{language}": ("", f"Үзіліс {language}") for language in ("kk", "ru", "en")
    }

    changes = messages | {"mode": ("open", "hold"), "calls_per_second": (1_000, 50)}
    reply = await room.change("Үзіліс", **changes)

    assert reply.status_code == 200, reply.text
    values = await room.values()
    assert (values["mode"], values["calls_per_second"], values["message_ru"]) == ("hold", 50, "Үзіліс ru")


async def test_whoever_was_slower_is_told_what_holds_and_changes_nothing(room: ControlRoom) -> None:
    await room.change(limit=(25_000, 30_000))

    late = await room.change(limit=(25_000, 18_000), calls_per_second=(1_000, 50))

    assert late.status_code == 409
    assert late.json()["code"] == "changed"
    assert late.json()["current"] == {"limit": 30_000, "calls_per_second": 1_000}
    values = await room.values()
    assert (values["limit"], values["calls_per_second"]) == (30_000, 1_000)
    assert (await room.trail())[0]["outcome"] == "changed"


async def test_of_many_at_once_exactly_one_wins(room: ControlRoom) -> None:
    replies = await asyncio.gather(*(room.change(limit=(25_000, 30_000 + n)) for n in range(10)))

    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 9
    winner = next(reply.json()["new"] for reply in replies if reply.status_code == 200)
    assert (await room.values())["limit"] == winner["limit"]
    outcomes = [line["outcome"] for line in await room.trail()]
    assert sorted(outcomes) == sorted(["requested"] * 10 + ["changed"] * 9 + ["done"])
    assert (await room.desk.trail.verify()).broken is None


@pytest.mark.parametrize(
    ("name", "value", "lowest", "highest"),
    [
        ("limit", -1, 0, 1_000_000),
        ("limit", 1_000_001, 0, 1_000_000),
        ("limit", True, 0, 1_000_000),
        ("limit", "many", 0, 1_000_000),
        ("limit", 10**30, 0, 1_000_000),
        ("unconfirmed_share_percent", 0, 1, 100),
        ("message_kk", "ә" * 501, 0, 500),
    ],
)
async def test_a_value_out_of_range_is_refused_with_the_range(
    room: ControlRoom, name: str, value: object, lowest: int, highest: int
) -> None:
    reply = await room.change("Толқын", **{name: ((await room.values())[name], value)})

    assert reply.status_code == 422
    told = reply.json()
    assert (told["code"], told["name"]) == ("out_of_range", name)
    assert (told["lowest"], told["highest"]) == (lowest, highest)
    assert await room.trail() == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reason": ""}, 422, "invalid_change"),
        ({"reason": " \t"}, 422, "invalid_change"),
        ({"reason": "a\u0000b"}, 422, "invalid_change"),
        ({"reason": "x" * 501}, 422, "invalid_change"),
        ({"changes": {}, "expected": {}}, 422, "invalid_change"),
        ({"expected": {}}, 422, "invalid_change"),
        ({"expected": {"limit": 25_000, "mode": "open"}}, 422, "invalid_change"),
        ({"at": "tomorrow"}, 422, "invalid_change"),
        ({"at": "2026-01-01T09:00:00"}, 422, "invalid_change"),
        ({"at": "2020-01-01T09:00:00+05:00"}, 422, "invalid_change"),
        ({"for_seconds": 0}, 422, "invalid_change"),
        ({"changes": {"speed": 1}, "expected": {"speed": 0}}, 422, "unknown_control"),
        ({"changes": {"mode": "closed"}, "expected": {"mode": "open"}}, 422, "message_missing"),
        ({"changes": {"mode": "slow"}, "expected": {"mode": "open"}}, 422, "out_of_range"),
        ({"changes": {"limit": 1.5}}, 400, "malformed"),
        ({"changes": {"limit": [1]}}, 400, "malformed"),
        ({"expected": {"limit": None}}, 400, "malformed"),
        ({"reason": None}, 400, "malformed"),
        ({"more": 1}, 400, "malformed"),
    ],
)
async def test_what_is_no_change_changes_nothing(
    room: ControlRoom, body: dict[str, Any], status: int, code: str
) -> None:
    proper = {"changes": {"limit": 1}, "expected": {"limit": 25_000}, "reason": "Толқын"}

    reply = await room.post(CHANGES, proper | body)

    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert (await room.values())["limit"] == 25_000


async def test_a_change_is_undone_and_follows_the_file_again(room: ControlRoom) -> None:
    made = (await room.change(limit=(25_000, 30_000), address_count=(300, 900))).json()

    reply = await room.post(f"{CHANGES}/{made['change']}/rollback", {"reason": "Ерте болды"})

    assert reply.status_code == 200, reply.text
    assert reply.json()["new"] == {"limit": 25_000, "address_count": 300}
    controls = (await room.get(f"{PROGRAMME_URL}/controls")).json()["controls"]
    assert [control["name"] for control in controls if control["overridden"]] == []
    assert (await room.trail())[0]["action"] == "rollback"


async def test_an_undone_change_is_done_again_by_undoing_that(room: ControlRoom) -> None:
    made = (await room.change(limit=(25_000, 30_000))).json()
    undone = (await room.post(f"{CHANGES}/{made['change']}/rollback", {"reason": "Ерте"})).json()

    again = await room.post(f"{CHANGES}/{undone['change']}/rollback", {"reason": "Енді керек"})

    assert again.status_code == 200
    assert (await room.values())["limit"] == 30_000


async def test_a_change_that_others_have_changed_since_is_not_undone(room: ControlRoom) -> None:
    made = (await room.change(limit=(25_000, 30_000))).json()
    await room.change(limit=(30_000, 18_000))

    reply = await room.post(f"{CHANGES}/{made['change']}/rollback", {"reason": "Ерте болды"})

    assert (reply.status_code, reply.json()["current"]) == (409, {"limit": 18_000})
    assert (await room.values())["limit"] == 18_000


async def test_what_was_no_change_is_not_undone(room: ControlRoom) -> None:
    await room.change(limit=(1, 30_000))

    for sequence in (1, 2, 99):
        reply = await room.post(f"{CHANGES}/{sequence}/rollback", {"reason": "Ерте болды"})
        assert reply.status_code == 404


async def test_without_redis_a_change_is_refused_and_that_is_in_the_trail(
    room: ControlRoom, valkey: ValkeyProcess
) -> None:
    valkey.kill()
    try:
        reply = await room.change(limit=(25_000, 30_000))

        assert (reply.status_code, reply.json()["code"]) == (503, "store_unavailable")
        assert [line["outcome"] for line in await room.trail()] == ["unknown", "requested"]
    finally:
        valkey.start()
