"""What a state system may answer instead of an answer: never the end of a worker, nor of a case."""

import pytest
from arq.worker import Retry

from gateway.domain.case import State
from gateway.register.entries import DEAD_LETTER
from tests.integration.workers.test_process_case import parked, with_terms
from tests.integration.workers.world import World
from workers.recovery import replay_dead_letters, unpark_due
from workers.steps.process_case import MOST_TAKES

SYSTEMS = {"labour-market": "labour_market", "e-maket": "e_maket"}


async def fail_until_given_up(world: World, one: str) -> None:
    for n in range(2 * MOST_TAKES):
        try:
            await world.process(one, n)
        except Retry:
            continue
        return
    raise AssertionError("it is still tried")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("knob", "reason"),
    [
        ("huge", "too_large"),
        ("gzip_bomb", "encoded"),
        ("ok_with_error", "wrong_schema"),
        ("wrong_schema", "wrong_schema"),
    ],
)
async def test_an_answer_that_stays_unusable_makes_a_dead_letter_that_says_why(
    world: World, system: str, knob: str, reason: str
) -> None:
    one = await world.accept()
    await world.fault(system, **{knob: True})

    await fail_until_given_up(world, one)

    assert await parked(world, one) == (f"{DEAD_LETTER}:{SYSTEMS[system]}:{reason}", None)
    await world.fault(system)
    assert await replay_dead_letters(world.tools) == 1
    assert await unpark_due(world.tools) == 1
    await world.process(one)
    assert await world.effects() == {one: 1}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("knob", ["trickle", "truncate"])
async def test_an_answer_without_an_end_is_tried_again_and_parks_in_its_time(
    world: World, system: str, knob: str
) -> None:
    one = await world.accept()
    await world.fault(system, **{knob: True})
    with pytest.raises(Retry):
        await world.process(one)

    await with_terms(world, park_after_seconds=0).process(one)

    assert (await parked(world, one))[0] == f"{SYSTEMS[system]}_away"
    await world.fault(system)
    assert await world.states(one) == (State.PARKED, State.PARKED)
