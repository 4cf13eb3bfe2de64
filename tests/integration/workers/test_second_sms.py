"""Two SMS providers, and a message that must arrive, once."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import web
from arq.worker import Retry

from config.keys import create_keys
from config.settings import Settings
from gateway.inflight.breakers import FEWEST_CALLS, Breaker, Report, tell_breakers
from gateway.inflight.carriers import Carried, read_carried
from gateway.inflight.outbox import FAILURES_BEFORE_DOWN
from loadtests.standins.app import create_standins
from tests.integration.workers.test_messages import put_code
from tests.integration.workers.world import World
from workers import learning
from workers.learning import learn, listen
from workers.main import open_tools
from workers.steps import send as of_send
from workers.steps.retrying import retried
from workers.steps.send_code import send_code
from workers.systems.errors import System
from workers.systems.gates import Gates

FIRST, SECOND = System.SMS, System.SMS_SECOND


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    settings = msgspec.structs.replace(
        settings,
        sms_second_url=f"{settings.standins_url}/sms-second",
        sms_second_login="login",
        sms_second_password="password",
    )
    keys = create_keys(settings.keys_path)
    standins = web.AppRunner(create_standins("http://127.0.0.1:1", keys.webhook))
    await standins.setup()
    await web.TCPSite(standins, "127.0.0.1", settings.standins_port).start()
    async with open_tools(settings) as opened:
        yield World(opened.programmes[0], settings, opened.session)
    await standins.cleanup()


async def taken(world: World) -> tuple[int, int]:
    """How many messages each provider took."""
    counts = []
    for root in ("sms", "sms-second"):
        async with world.session.get(f"{world.settings.standins_url}/{root}/taken") as response:
            counts.append((await response.json())["taken"])
    return counts[0], counts[1]


async def put_fault(world: World, system: str, **knobs: Any) -> None:
    async with world.session.put(f"{world.settings.standins_url}/faults/{system}", json=knobs) as response:
        response.raise_for_status()


async def send(world: World, application_id: str = "42500-one", job_try: int = 1) -> None:
    await retried(send_code)({"tools": world.tools, "job_try": job_try}, application_id)


async def is_door_shut(world: World) -> bool:
    return int(await world.tools.store.redis.hget("{42500}:door", "sms_down_ms") or 0) > 0  # type: ignore[misc]  # redis-py types one method for sync and async.


async def test_the_first_provider_carries_what_it_can(world: World) -> None:
    await put_code(world, "42500-one", "Код 111111")

    await send(world)

    assert await taken(world) == (1, 0)


@pytest.mark.parametrize("knobs", [{"error_rate": 1}, {"hang": True}, {"retry_after_seconds": 60}])
async def test_a_message_that_the_first_surely_did_not_take_goes_through_the_second_at_once(
    world: World, knobs: dict[str, object]
) -> None:
    await put_code(world, "42500-one", "Код 111111")
    await world.fault("sms", **knobs)

    await send(world)

    assert await world.inbox() == ["Код 111111"]
    assert await taken(world) == (0, 1)
    assert not await is_door_shut(world)


@pytest.mark.parametrize("knob", ["drop_reply", "truncate", "wrong_schema"])
async def test_a_message_that_may_be_on_its_way_is_not_given_to_the_other(world: World, knob: str) -> None:
    await put_code(world, "42500-one", "Код 111111")
    await world.fault("sms", **{knob: True})
    with pytest.raises(Retry):
        await send(world)
    await world.fault("sms")

    await send(world, job_try=2)

    assert await world.inbox() == ["Код 111111"]
    assert await taken(world) == (1, 0)


async def test_while_the_breaker_of_the_first_is_open_it_is_not_even_asked(world: World) -> None:
    world.tools.gates[FIRST].turn(Breaker.OPEN)
    await put_code(world, "42500-one", "Код 111111")

    await send(world)

    assert await taken(world) == (0, 1)


async def test_a_provider_that_is_slow_loses_its_turn_though_it_answers(world: World) -> None:
    # Nobody answers within a microsecond.
    gates = Gates(slow_seconds=0.000001, has_second_sms=True)
    world = msgspec.structs.replace(world, tools=msgspec.structs.replace(world.tools, gates=gates))
    for n in range(FEWEST_CALLS):
        await put_code(world, f"42500-{n}", f"Код {n}")
        await send(world, f"42500-{n}")

    await learn(world.tools)

    assert gates[FIRST].state is Breaker.OPEN
    assert gates[SECOND].state is Breaker.CLOSED
    assert await taken(world) == (FEWEST_CALLS, 0)


async def test_the_door_shuts_only_when_neither_takes_anything(world: World) -> None:
    await put_fault(world, "sms", error_rate=1)
    await put_fault(world, "sms-second", error_rate=1)
    await put_code(world, "42500-one", "Код 111111")
    for _ in range(5):
        with pytest.raises(Retry):
            await send(world)
    assert await is_door_shut(world)
    await put_fault(world, "sms-second")

    await send(world)

    assert not await is_door_shut(world)


async def test_the_door_is_shut_while_both_breakers_are_open_and_nothing_is_tried(world: World) -> None:
    calls = [Report(system, "sms", Breaker.CLOSED, 0, FEWEST_CALLS, 0) for system in (FIRST, SECOND)]
    await tell_breakers(world.tools.store, "42500", calls)
    for _ in range(FAILURES_BEFORE_DOWN):
        await learn(world.tools)

    assert await is_door_shut(world)


async def test_another_code_to_the_same_phone_goes_through_the_other_provider(world: World) -> None:
    one = await world.accept()
    for text in ("Код 111111", "Код 222222", "Код 333333"):
        await put_code(world, one, text)
        await send(world, one)

    assert await world.inbox() == ["Код 111111", "Код 222222", "Код 333333"]
    assert await taken(world) == (2, 1)


async def test_a_code_that_comes_back_counts_for_the_provider_that_carried_it(world: World) -> None:
    one = await world.accept(send=lambda one: send(world, one))
    await put_code(world, one, "Код 222222")
    await send(world, one)

    found = await read_carried(world.tools.store, "42500", [FIRST, SECOND], 0)

    assert found == {FIRST: Carried(1, 1), SECOND: Carried(1, 0)}


async def test_a_provider_whose_codes_do_not_come_back_is_passed_over_but_for_a_few(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "YOUNGEST_MS", 0)
    key = f"{{42500}}:carried:{await this_slot(world)}"
    await world.tools.store.redis.hset(key, mapping={"sms:sent": 100, "sms:confirmed": 10})  # type: ignore[misc]  # As above.
    await world.tools.store.redis.hset(key, mapping={"sms_second:sent": 100, "sms_second:confirmed": 70})  # type: ignore[misc]  # As above.

    await listen(world.tools)
    await put_code(world, "42500-one", "Код 111111")
    monkeypatch.setattr(of_send, "PROBING_SHARE", 0)
    await send(world)
    await put_code(world, "42500-one", "Код 222222")
    monkeypatch.setattr(of_send, "PROBING_SHARE", 1)
    await send(world)

    assert world.tools.gates.silent == {FIRST}
    assert await taken(world) == (1, 1)


async def test_when_nobodys_codes_come_back_it_is_not_the_provider(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "YOUNGEST_MS", 0)
    key = f"{{42500}}:carried:{await this_slot(world)}"
    await world.tools.store.redis.hset(key, mapping={"sms:sent": 100, "sms_second:sent": 100})  # type: ignore[misc]  # As above.

    await listen(world.tools)

    assert world.tools.gates.silent == frozenset()


async def this_slot(world: World) -> int:
    seconds, _ = await world.tools.store.redis.time()
    return int(seconds) // 15
