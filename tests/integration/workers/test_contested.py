"""Somebody applies with another's IIN: nobody is robbed, and nobody is kept out."""

import msgspec
import pytest
from arq.worker import Retry

from gateway.domain.case import State
from gateway.inflight.confirmation import ConfirmOutcome
from gateway.register.entries import CONTESTED, OWNER_UNKNOWN, Entry
from tests.integration.workers.test_process_case import with_terms
from tests.integration.workers.world import PASSES, World
from workers.recovery import recover, unpark_due

STRANGERS = [f"+770777700{n:02}" for n in range(8)]
OWN = "+77011234567"


@pytest.fixture
async def world(world: World) -> World:
    """Where nobody's phone is anybody else's, and what is parked is due at once."""
    for phone in STRANGERS:
        await world.own(phone, None)
    return with_terms(world, unknown_retry_seconds=0)


async def entry_of(world: World, application_id: str) -> Entry:
    entry = await world.tools.journal.get(application_id)
    assert entry is not None
    return entry


async def contested(world: World, phone: str = STRANGERS[0]) -> str:
    one = await world.accept(phone=phone)
    await world.process(one)
    assert await world.states(one) == (State.PARKED, State.PARKED)
    assert (await entry_of(world, one)).park_reason == CONTESTED
    return one


async def test_a_case_whose_phone_is_anothers_waits_for_an_official_and_takes_no_slot(world: World) -> None:
    one = await contested(world)

    assert await world.live() == 0
    assert (await entry_of(world, one)).retry_at_ms is None
    assert await unpark_due(world.tools) == 0
    assert await world.effects() == {}


async def test_the_owner_gets_through_though_a_stranger_was_first(world: World) -> None:
    robber = await contested(world)

    own = await world.accept()
    await world.process(own)
    assert await world.states(own) == (State.FORWARDED, State.FORWARDED)

    assert (await recover(world.tools))["superseded"] == 1
    assert (await entry_of(world, robber)).state is State.REFUSED
    assert await world.effects() == {own: 1}
    assert (await recover(world.tools))["superseded"] == 0
    assert await world.confirm(await world.apply(), STRANGERS[1]) is ConfirmOutcome.ALREADY_APPLIED


async def test_the_owner_who_confirms_while_the_base_is_asked_waits_and_then_gets_through(
    world: World,
) -> None:
    robber = await world.accept(phone=STRANGERS[0])
    own = await world.apply()
    assert await world.confirm(own) is ConfirmOutcome.IN_DOUBT
    assert await world.live() == 1

    await world.process(robber)
    assert await world.live() == 1  # The slot that both had is the owner's alone.

    assert await world.confirm(own) is ConfirmOutcome.ACCEPTED
    await world.process(own)
    assert await world.effects() == {own: 1}


async def test_a_stranger_who_confirms_second_hears_in_doubt_and_then_already_applied(world: World) -> None:
    own, robber = await world.accept(), await world.apply()
    assert await world.confirm(robber, STRANGERS[0]) is ConfirmOutcome.IN_DOUBT

    await world.process(own)

    assert await world.confirm(robber, STRANGERS[0]) is ConfirmOutcome.ALREADY_APPLIED


async def test_the_same_phone_does_not_contest_a_person_twice(world: World) -> None:
    await contested(world)

    assert await world.confirm(await world.apply(), STRANGERS[0]) is ConfirmOutcome.ALREADY_APPLIED


async def test_past_five_contested_a_stranger_is_refused_and_the_owner_gets_through(world: World) -> None:
    for phone in STRANGERS[:5]:
        await contested(world, phone)

    sixth = await world.accept(phone=STRANGERS[5])
    await world.process(sixth)
    assert await world.states(sixth) == (State.REFUSED, State.REFUSED)

    own = await world.accept()
    await world.process(own)
    assert await world.effects() == {own: 1}
    assert (await recover(world.tools))["superseded"] == 5


async def test_contested_cases_do_not_count_towards_those_that_may_be_parked(world: World) -> None:
    await contested(world)

    assert await world.tools.journal.count_parked("42500") == 0


async def test_while_the_base_is_away_nobody_is_let_through_and_the_owner_is_not_kept_out(
    world: World,
) -> None:
    await world.fault("mobile-citizens", error_rate=1)
    robber, own = await world.accept(phone=STRANGERS[0]), await world.apply()
    with pytest.raises(Retry):
        await world.process(robber)
    assert await world.confirm(own) is ConfirmOutcome.IN_DOUBT

    impatient = with_terms(world, park_after_seconds=0)
    await impatient.process(robber)
    assert (await entry_of(world, robber)).park_reason == OWNER_UNKNOWN
    assert await world.confirm(own) is ConfirmOutcome.ACCEPTED
    await impatient.process(own)
    assert await world.effects() == {}

    await world.fault("mobile-citizens")
    # The one that was parked first is let in, and the other waits for what the base says of it.
    assert await unpark_due(world.tools) == 1
    assert (await entry_of(world, own)).park_reason == OWNER_UNKNOWN
    await world.process(robber)
    assert await unpark_due(world.tools) == 1
    await world.process(own)

    assert await world.effects() == {own: 1}
    await recover(world.tools)
    assert [(await entry_of(world, one)).state for one in (robber, own)] == [State.REFUSED, State.FORWARDED]


async def test_an_official_may_uphold_a_phone_that_the_base_does_not_know(world: World) -> None:
    one = await contested(world)

    assert await world.tools.journal.uphold(one, 1)
    assert not await world.tools.journal.refuse_contested(one, 1)
    assert await unpark_due(world.tools) == 1
    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)
    assert await world.effects() == {one: 1}


async def test_an_upheld_case_is_contested_again_when_another_is_in_its_place(world: World) -> None:
    one = await contested(world)
    own = await world.accept()
    assert await world.tools.journal.uphold(one, 1)

    assert await unpark_due(world.tools) == 0
    assert (await entry_of(world, one)).park_reason == CONTESTED

    await world.process(own)
    await recover(world.tools)
    assert (await entry_of(world, one)).state is State.REFUSED
    assert await world.effects() == {own: 1}


async def test_an_official_may_have_the_base_asked_again(world: World) -> None:
    one = await contested(world)
    await world.own(STRANGERS[0], PASSES)

    assert await world.tools.journal.retry(one, 1)
    assert await unpark_due(world.tools) == 1
    await world.process(one)

    assert await world.effects() == {one: 1}


async def test_a_phone_that_is_proven_is_not_asked_about_again(world: World) -> None:
    one = await world.accept()
    await world.fault("labour-market", error_rate=1)
    for _ in range(2):
        with pytest.raises(Retry):
            await world.process(one)
    await world.fault("mobile-citizens", error_rate=1)

    await world.process(one)

    assert await world.effects() == {one: 1}


async def test_where_phones_are_not_checked_nobody_is_asked(world: World) -> None:
    programme = world.tools.programme
    categories = {
        name: msgspec.structs.replace(category, checks=category.checks[1:])
        for name, category in programme.categories.items()
    }
    unchecked = msgspec.structs.replace(programme, categories=categories)
    trusting = msgspec.structs.replace(world, tools=msgspec.structs.replace(world.tools, programme=unchecked))
    one = await world.accept(phone=STRANGERS[0])

    await trusting.process(one)

    assert await world.effects() == {one: 1}
