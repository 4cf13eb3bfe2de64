"""Cases and messages while a state system fails; nobody learns of it but when told to."""

import asyncio
import time

import msgspec
import pytest
from arq.worker import Retry

from gateway.domain.case import State
from gateway.inflight import breakers
from gateway.inflight.breakers import Breaker, Report, read_breakers, tell_breakers
from tests.integration.workers.test_process_case import parked, with_terms
from tests.integration.workers.world import World, made_up_iins
from workers.learning import learn
from workers.systems import gates as of_gates
from workers.systems.errors import System
from workers.systems.gates import Gates

CALLS = breakers.FEWEST_CALLS


async def accept_many(world: World, count: int) -> list[str]:
    return [await world.accept(iin) for iin in made_up_iins(count)]


async def process_all(world: World, cases: list[str]) -> None:
    """Whatever waits, waits."""
    await asyncio.gather(*(world.process(one) for one in cases), return_exceptions=True)


async def told(world: World, *, good: int = 0, bad: int = 0, hold_ms: int = 0) -> Breaker:
    """Tell as another worker would that knows what stands in Redis."""
    known = await read_breakers(world.tools.store, "42500")
    state = known.get(System.E_MAKET, Breaker.CLOSED)
    (now,) = await tell_breakers(
        world.tools.store, "42500", [Report(System.E_MAKET, "cases", state, good, bad, hold_ms)]
    )
    return now


@pytest.fixture
def open_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breakers, "OPEN_MS", 1)


async def test_a_breaker_opens_on_a_share_of_failures_and_not_on_a_few(world: World) -> None:
    assert await told(world, good=CALLS, bad=CALLS - 1) is Breaker.CLOSED
    assert await told(world, bad=1) is Breaker.OPEN
    assert await read_breakers(world.tools.store, "42500") == {System.E_MAKET: Breaker.OPEN}


async def test_a_breaker_opens_on_failures_in_a_row_however_well_it_went_before(world: World) -> None:
    await told(world, good=1_000)
    assert await told(world, bad=CALLS - 1) is Breaker.CLOSED

    assert await told(world, bad=1) is Breaker.OPEN


async def test_few_calls_open_no_breaker(world: World) -> None:
    assert await told(world, bad=CALLS - 1) is Breaker.CLOSED


async def test_a_half_open_breaker_closes_after_a_few_good_calls(
    world: World, open_for_a_moment: None
) -> None:
    await told(world, bad=CALLS)
    await asyncio.sleep(0.01)

    assert await told(world) is Breaker.HALF_OPEN
    assert await told(world, good=breakers.PROBES_TO_CLOSE - 1) is Breaker.HALF_OPEN
    assert await told(world, good=1) is Breaker.CLOSED


async def test_what_waits_is_woken_when_a_breaker_closes(world: World, open_for_a_moment: None) -> None:
    now_ms = int(time.time() * 1000)
    due = {"due": now_ms - 5, "waits": now_ms + 90_000, "waits longer": now_ms + 600_000}
    await world.tools.store.redis.zadd("{42500}:cases", due)
    await told(world, bad=CALLS)
    await asyncio.sleep(0.01)
    await told(world)

    await told(world, good=breakers.PROBES_TO_CLOSE)

    woken = dict(await world.tools.store.redis.zrange("{42500}:cases", 0, -1, withscores=True))
    assert woken[b"due"] == now_ms - 5
    assert now_ms < woken[b"waits"] < woken[b"waits longer"] < now_ms + 60_000


async def test_a_half_open_breaker_opens_again_at_the_first_failure(
    world: World, open_for_a_moment: None
) -> None:
    await told(world, bad=CALLS)
    await asyncio.sleep(0.01)
    await told(world)

    assert await told(world, good=2, bad=1) is Breaker.OPEN


async def test_what_was_under_way_when_a_breaker_opened_says_nothing_of_the_time_after(
    world: World, open_for_a_moment: None
) -> None:
    await told(world, bad=CALLS)
    await asyncio.sleep(0.01)
    await told(world)

    late = Report(System.E_MAKET, "cases", Breaker.CLOSED, 0, 20, 0)

    assert await tell_breakers(world.tools.store, "42500", [late]) == [Breaker.HALF_OPEN]


async def test_a_system_that_names_a_time_is_left_alone_by_everybody_until_then(
    world: World, open_for_a_moment: None
) -> None:
    assert await told(world, good=50, bad=1, hold_ms=60_000) is Breaker.OPEN
    await asyncio.sleep(0.01)
    assert await told(world) is Breaker.OPEN


async def test_a_breaker_that_one_worker_opened_holds_the_others_cases_back_without_counting_against_them(
    world: World,
) -> None:
    await world.fault("e-maket", error_rate=1)
    await process_all(world, await accept_many(world, CALLS))
    await learn(world.tools)
    await world.fault("e-maket")
    elsewhere = world.like_another_worker()
    one = await world.accept()

    await learn(elsewhere.tools)
    for _ in range(20):
        with pytest.raises(Retry):
            await elsewhere.process(one)

    assert elsewhere.tools.gates[System.E_MAKET].state is Breaker.OPEN
    assert await world.effects() == {}
    assert await world.states(one) == (State.FORWARDING, State.ACCEPTED)


async def test_a_case_that_a_breaker_holds_back_parks_in_its_time(world: World) -> None:
    one = await world.accept()
    world.tools.gates[System.E_MAKET].turn(Breaker.OPEN)

    await with_terms(world, park_after_seconds=0).process(one)

    reason, retry_at_ms = await parked(world, one)
    assert reason == "e_maket_away"
    assert retry_at_ms is not None
    assert await world.live() == 0


async def test_cases_that_are_not_verified_go_on_while_the_labour_market_is_down(world: World) -> None:
    world.tools.gates[System.LABOUR_MARKET].turn(Breaker.OPEN)
    one = await world.accept(category="single_aggregate_payer")

    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)


async def test_a_half_open_breaker_lets_one_call_of_a_worker_through_at_a_time(world: World) -> None:
    world.tools.gates[System.LABOUR_MARKET].turn(Breaker.HALF_OPEN)
    await world.fault("labour-market", latency_ms=100)

    await process_all(world, await accept_many(world, 5))

    assert await world.askings() == 1
    assert world.tools.gates[System.LABOUR_MARKET].report().good == 1


async def test_a_system_that_hangs_does_not_take_all_places(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_gates, "MOST_CALLS", 2)
    monkeypatch.setattr(of_gates, "PLACE_SECONDS", 0.02)
    gates = Gates(slow_seconds=1, has_second_sms=False)
    world = msgspec.structs.replace(world, tools=msgspec.structs.replace(world.tools, gates=gates))
    await world.fault("e-maket", hang=True)

    await process_all(world, await accept_many(world, 6))

    assert gates[System.E_MAKET].report().bad == 2
