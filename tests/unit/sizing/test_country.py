import math

import msgspec
import pytest

from loadtests.sizing.costs import Costs, Step, read_costs
from loadtests.sizing.country import Country, Need, Plan, plan_for, polls_per_second
from loadtests.surge.profiles import Process

# A millisecond for everything, for everybody.
EVEN = Costs(
    steps={step: dict.fromkeys(Process, 1_000.0) for step in Step},
    idle=dict.fromkeys(Process, 0.0),
    measured_on="paper",
)
SMALL = Country(
    people=50_000, first_minute=6_000, day_hours=1, slots=500, calls_per_second=50, hold_seconds=10
)


def need(plan: Plan, what: str) -> Need:
    [found] = [need for need in plan.needs if need.what == what]
    return found


def test_everybody_comes_and_is_through() -> None:
    morning = plan_for(SMALL, EVEN).morning

    assert sum(moment.came for moment in morning.moments) == pytest.approx(SMALL.people)
    assert sum(moment.came for moment in morning.moments[:60]) == pytest.approx(SMALL.first_minute)
    assert sum(moment.through for moment in morning.moments) == pytest.approx(SMALL.people, abs=1)


def test_more_is_started_when_each_is_to_be_less_busy() -> None:
    calm = plan_for(msgspec.structs.replace(SMALL, busy=0.3), EVEN)
    busy = plan_for(msgspec.structs.replace(SMALL, busy=0.9), EVEN)

    assert need(calm, "gateway processes").processes > need(busy, "gateway processes").processes
    assert need(calm, "gateway processes").load == need(busy, "gateway processes").load


def test_workers_wait_for_slow_systems_and_are_started_for_it() -> None:
    quick = plan_for(msgspec.structs.replace(SMALL, case_seconds=0.01, message_seconds=0.01), EVEN)
    slow = plan_for(msgspec.structs.replace(SMALL, case_seconds=30), EVEN)

    assert need(quick, "workers").why.startswith("its processor")
    # Fifty a second, each for half a minute, thirty-two at once.
    assert need(slow, "workers").processes >= 50 * 30 / 32
    assert "of 30 s" in need(slow, "workers").why


def test_a_redis_that_is_full_says_how_many_slots_it_carries() -> None:
    # Read, form, phone, code and three looks: seven milliseconds, 86 people a second at 0.6.
    fits = need(plan_for(SMALL, EVEN), "Redis")
    full = need(plan_for(msgspec.structs.replace(SMALL, slots=5_000), EVEN), "Redis")

    assert fits.carries == pytest.approx(0.6 / 0.007)
    assert "full" not in fits.why
    assert "857 slots" in full.why


def test_polls_are_as_many_as_places_say() -> None:
    assert polls_per_second(0, 1_000) == 0
    assert polls_per_second(1_000, 1_000) == 500
    places = range(1, 150_001)
    assert polls_per_second(150_000, 1_000) == pytest.approx(
        math.fsum(1 / max(2.0, place / 1_000) for place in places), rel=0.01
    )


def test_what_was_measured_covers_all_steps_and_processes() -> None:
    costs = read_costs()

    assert costs.steps.keys() == set(Step)
    assert all(each.keys() == set(Process) for each in [*costs.steps.values(), costs.idle])
