import asyncio

import msgspec
import pytest
from arq.worker import Retry

from gateway.domain.case import State
from gateway.inflight.outbox import code_message
from gateway.inflight.progress import decided
from gateway.register.entries import DecisionOutcome
from tests.integration.workers.world import FAILS, World
from workers.steps.retrying import Job, retried
from workers.steps.send_code import send_code
from workers.steps.send_notice import send_notice


async def run(world: World, job: Job, argument: str) -> None:
    await retried(job)({"tools": world.tools, "job_try": 1}, argument)


async def put_code(world: World, application_id: str, text: str) -> None:
    sealed = world.tools.keyring.seal(msgspec.msgpack.encode(("+77011234567", text)), application_id)
    await world.tools.store.redis.set(f"{{42500}}:outbox:{application_id}", sealed)


async def test_a_code_is_sent_and_its_sealed_message_deleted(world: World) -> None:
    await put_code(world, "42500-one", "Код 111111")

    await run(world, send_code, "42500-one")

    assert await world.inbox() == ["Код 111111"]
    assert await code_message(world.tools.store, "42500", "42500-one") is None
    await run(world, send_code, "42500-one")
    assert len(await world.inbox()) == 1


async def test_a_code_waits_for_a_provider_that_is_away(world: World) -> None:
    await put_code(world, "42500-one", "Код 111111")
    await world.fault("sms", error_rate=1)
    for _ in range(5):
        with pytest.raises(Retry):
            await run(world, send_code, "42500-one")
    assert int(await world.tools.store.redis.hget("{42500}:door", "sms_down_ms")) > 0  # type: ignore[misc]  # redis-py types one method for sync and async.
    await world.fault("sms")

    await run(world, send_code, "42500-one")

    assert await world.inbox() == ["Код 111111"]
    assert await world.tools.store.redis.hget("{42500}:door", "sms_down_ms") == b"0"  # type: ignore[misc]  # As above.


async def test_a_page_in_place_of_the_provider_loses_no_code(world: World) -> None:
    await put_code(world, "42500-one", "Код 111111")
    await world.fault("sms", wrong_schema=True)
    with pytest.raises(Retry):
        await run(world, send_code, "42500-one")
    await world.fault("sms")

    await run(world, send_code, "42500-one")

    assert await world.inbox() == ["Код 111111"]


async def test_a_reply_that_was_cut_does_not_make_a_second_message(world: World) -> None:
    await put_code(world, "42500-one", "Код 111111")
    await world.fault("sms", drop_reply=True)
    with pytest.raises(Retry):
        await run(world, send_code, "42500-one")
    await world.fault("sms")

    await run(world, send_code, "42500-one")

    assert await world.inbox() == ["Код 111111"]


async def test_the_decision_is_told_once_in_the_language_of_the_application(world: World) -> None:
    one = await world.accept()
    await world.process(one)
    entry = await world.tools.journal.get(one)
    assert entry is not None
    outcome = await world.tools.journal.decide(one, entry.number, State.ASSIGNED, 1, 1, None)
    assert outcome is DecisionOutcome.APPLIED
    await decided(world.tools.store, "42500", one, entry.person, denied=False)

    await run(world, send_notice, one)
    await run(world, send_notice, one)

    (text,) = await world.inbox()
    assert text == world.tools.texts.get("kk", "sms.assigned", number=entry.number)


async def test_a_refusal_is_told_as_well(world: World) -> None:
    one = await world.accept(FAILS)
    await world.process(one)

    await run(world, send_notice, one)

    assert len(await world.inbox()) == 1


async def test_nothing_is_told_before_there_is_a_decision(world: World) -> None:
    one = await world.accept()
    await world.process(one)

    await run(world, send_notice, one)

    assert await world.inbox() == []


async def test_a_decision_that_overtook_the_forwarding_is_told_and_a_denial_frees_the_person(
    world: World,
) -> None:
    one = await world.accept()
    decided_early = asyncio.Event()

    async def decide_before_it_is_written_down(name: str) -> None:
        if name == "forwarded":
            entry = await world.tools.journal.get(one)
            assert entry is not None
            outcome = await world.tools.journal.decide(one, entry.number, State.DENIED, 1, 1, None)
            assert outcome is DecisionOutcome.RECORDED_EARLY
            decided_early.set()

    tools = msgspec.structs.replace(world.tools, boundary=decide_before_it_is_written_down)
    await msgspec.structs.replace(world, tools=tools).process(one)

    assert decided_early.is_set()
    assert await world.states(one) == (State.FORWARDED, State.DENIED)
    await run(world, send_notice, one)
    assert len(await world.inbox()) == 1
    await world.accept()
