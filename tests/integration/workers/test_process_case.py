import asyncio

import msgspec
import pytest
from arq.worker import Retry

from gateway.domain.case import State
from gateway.inflight.progress import take
from gateway.register.entries import DEAD_LETTER
from tests.integration.workers.world import FAILS, PASSES, UNKNOWN, UNKNOWN_TWICE, World, made_up_iins
from workers.recovery import UNTOUCHED_MS, recover, replay_dead_letters, unpark_due
from workers.steps.process_case import MOST_DEATHS, MOST_TAKES


def with_terms(world: World, **terms: int) -> World:
    programme = world.tools.programme
    changed = msgspec.structs.replace(programme, terms=msgspec.structs.replace(programme.terms, **terms))
    return msgspec.structs.replace(world, tools=msgspec.structs.replace(world.tools, programme=changed))


async def parked(world: World, application_id: str) -> tuple[str | None, int | None]:
    entry = await world.tools.journal.get(application_id)
    assert entry is not None
    assert entry.state is State.PARKED
    return entry.park_reason, entry.retry_at_ms


async def test_a_case_is_registered_verified_and_forwarded_and_its_slot_is_free(world: World) -> None:
    one = await world.accept()
    assert await world.live() == 1

    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)
    assert await world.effects() == {one: 1}
    assert await world.live() == 0
    entry = await world.tools.journal.get(one)
    assert entry is not None
    assert [step.state for step in entry.history] == [
        State.AWAITING_PHONE,
        State.ACCEPTED,
        State.VERIFYING,
        State.FORWARDING,
        State.FORWARDED,
    ]


async def test_processing_a_case_again_changes_nothing(world: World) -> None:
    one = await world.accept()
    await world.process(one)

    await world.process(one)

    assert await world.effects() == {one: 1}


async def test_a_category_without_checks_goes_straight_to_e_maket(world: World) -> None:
    await world.fault("labour-market", error_rate=1)
    one = await world.accept(category="single_aggregate_payer")

    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)


async def test_a_refused_case_is_not_forwarded_and_its_person_may_apply_again(world: World) -> None:
    one = await world.accept(FAILS)

    await world.process(one)

    assert await world.states(one) == (State.REFUSED, State.REFUSED)
    assert await world.effects() == {}
    assert await world.live() == 0
    await world.accept(FAILS)


async def test_not_known_parks_and_is_tried_again_and_never_refuses(world: World) -> None:
    world = with_terms(world, unknown_retry_seconds=0)
    one = await world.accept(UNKNOWN_TWICE)

    for _ in range(2):
        await world.process(one)
        assert await world.states(one) == (State.PARKED, State.PARKED)
        assert await world.live() == 0
        assert await unpark_due(world.tools) == 1
        assert await world.states(one) == (State.ACCEPTED, State.ACCEPTED)
    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)
    assert await world.effects() == {one: 1}


async def test_parked_cases_past_the_limit_keep_their_slots(world: World) -> None:
    world = with_terms(world, parked_limit=1)
    first, second = await world.accept(UNKNOWN), await world.accept(PASSES, "contractor")
    await world.process(first)
    await world.fault("labour-market", error_rate=1)
    world = with_terms(world, park_after_seconds=0)

    with pytest.raises(Retry):
        await world.process(second)

    assert await world.live() == 1
    assert await world.states(second) == (State.VERIFYING, State.ACCEPTED)


@pytest.mark.parametrize("knob", [{"error_rate": 1}, {"hang": True}, {"drop_reply": True}])
async def test_a_system_that_is_away_is_tried_again_without_counting_against_the_case(
    world: World, knob: dict[str, object]
) -> None:
    one = await world.accept()
    await world.fault("e-maket", **knob)
    with pytest.raises(Retry):
        await world.process(one)
    await world.fault("e-maket")

    await world.process(one)

    assert await world.effects() == {one: 1}
    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)


async def test_a_system_that_stays_away_parks_the_case_until_it_is_tried_again(world: World) -> None:
    one = await world.accept()
    await world.fault("e-maket", error_rate=1)

    await with_terms(world, park_after_seconds=0).process(one)

    reason, retry_at_ms = await parked(world, one)
    assert reason == "e_maket_away"
    assert retry_at_ms is not None
    assert await world.live() == 0


async def until_dead_letter(world: World, application_id: str, why: str) -> None:
    # The first try still gets further, from accepted to verifying, and does not count.
    for n in range(MOST_TAKES):
        with pytest.raises(Retry):
            await world.process(application_id, n)
    await world.process(application_id, MOST_TAKES)
    assert await parked(world, application_id) == (f"{DEAD_LETTER}:{why}", None)


async def test_a_page_of_maintenance_that_goes_away_harms_no_case(world: World) -> None:
    one = await world.accept()
    await world.fault("labour-market", wrong_schema=True)
    with pytest.raises(Retry):
        await world.process(one)
    await world.fault("labour-market")

    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)


async def test_an_answer_that_stays_wrong_makes_a_dead_letter_that_can_be_replayed(world: World) -> None:
    one = await world.accept()
    await world.fault("labour-market", wrong_schema=True)
    await until_dead_letter(world, one, "labour_market:wrong_schema")
    assert await unpark_due(world.tools) == 0
    assert await world.live() == 0
    await world.fault("labour-market")

    assert await replay_dead_letters(world.tools) == 1
    assert await unpark_due(world.tools) == 1
    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)
    assert await replay_dead_letters(world.tools) == 0


async def test_an_unknown_exception_is_tried_again_and_ends_as_a_dead_letter(world: World) -> None:
    one = await world.accept()
    broken = msgspec.structs.replace(world.tools, labour_market=None)
    breaking = msgspec.structs.replace(world, tools=broken)

    await until_dead_letter(breaking, one, "mistake:AttributeError")

    assert await world.live() == 0


async def test_a_record_that_does_not_open_is_kept_as_a_dead_letter(world: World) -> None:
    one = await world.accept()
    await world.tools.store.redis.hset(f"{{42500}}:case:{one}", "body", b"spoilt")  # type: ignore[misc, arg-type]  # redis-py types one method for sync and async.

    for n in range(MOST_TAKES - 1):
        with pytest.raises(Retry):
            await world.process(one, n)
    await world.process(one, MOST_TAKES)

    assert await parked(world, one) == (f"{DEAD_LETTER}:mistake:SealError", None)
    entry = await world.tools.journal.get(one)
    assert entry is not None
    assert (entry.category, entry.sealed) == ("unreadable", b"spoilt")


async def test_a_case_that_kills_its_workers_ends_as_a_dead_letter(world: World) -> None:
    one = await world.accept()
    for _ in range(MOST_DEATHS):
        assert await take(world.tools.store, world.tools.programme.code, one) is not None

    await world.process(one)

    assert await parked(world, one) == (f"{DEAD_LETTER}:workers_died", None)
    assert await world.effects() == {}


async def test_cases_whose_workers_died_are_run_one_at_a_time(world: World) -> None:
    first, second = [await world.accept(iin) for iin in made_up_iins(2)]
    for one in (first, second):
        assert await take(world.tools.store, world.tools.programme.code, one) is not None
    stopped, go_on = asyncio.Event(), asyncio.Event()

    async def stop_before_forwarding(name: str) -> None:
        if name == "advanced_from_verifying":
            stopped.set()
            await go_on.wait()

    slow_tools = msgspec.structs.replace(world.tools, boundary=stop_before_forwarding)
    slow = asyncio.create_task(msgspec.structs.replace(world, tools=slow_tools).process(first))
    await stopped.wait()
    for _ in range(MOST_DEATHS):
        with pytest.raises(Retry):
            await world.process(second)
    go_on.set()
    await slow
    await world.process(second)

    assert await world.effects() == {first: 1, second: 1}


async def test_a_worker_that_stops_counts_no_death(world: World) -> None:
    one = await world.accept()
    await world.fault("labour-market", hang=True)
    running = asyncio.create_task(world.process(one))
    while (await world.states(one))[0] is not State.VERIFYING:  # noqa: ASYNC110 - It happens in Redis.
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    taken = await take(world.tools.store, world.tools.programme.code, one)

    assert taken is not None
    assert (taken.takes, taken.deaths) == (1, 0)


async def test_a_worker_that_was_overtaken_leaves_the_case_alone(world: World) -> None:
    one = await world.accept()
    stopped, go_on = asyncio.Event(), asyncio.Event()

    async def stop_before_forwarding(name: str) -> None:
        if name == "advanced_from_verifying":
            stopped.set()
            await go_on.wait()

    slow_tools = msgspec.structs.replace(world.tools, boundary=stop_before_forwarding)
    slow = asyncio.create_task(msgspec.structs.replace(world, tools=slow_tools).process(one))
    await stopped.wait()
    await world.process(one)
    go_on.set()
    await slow

    assert await world.effects() == {one: 1}
    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)


async def test_a_lost_job_is_found_by_the_sweeper(world: World) -> None:
    one = await world.accept()
    redis = world.tools.store.redis
    await redis.delete("{42500}:cases", *await redis.keys("arq:job:*"))
    await redis.zadd("{42500}:active", {one: 1 + UNTOUCHED_MS})

    assert (await recover(world.tools))["requeued"] == 1
    assert await redis.zcard("{42500}:cases") == 1
