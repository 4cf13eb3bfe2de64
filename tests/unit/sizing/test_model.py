import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.sizing.model import House, play

HOUSE = House(slots=100, hold_seconds=10, people_per_second=math.inf, calls_per_second=50)

crowds = st.lists(st.floats(0, 500), min_size=1, max_size=120)
houses = st.builds(
    House,
    slots=st.floats(10, 1_000),
    hold_seconds=st.floats(1, 60),
    people_per_second=st.floats(5, 500),
    calls_per_second=st.floats(5, 500),
)


@given(crowds, houses)
def test_nobody_is_lost_and_no_slot_is_taken_twice(came: list[float], house: House) -> None:
    morning = play(came, house)

    total = sum(came)
    entered = through = 0.0
    for moment in morning.moments:
        entered += moment.entered
        through += moment.through
        assert moment.inside <= house.slots * (1 + 1e-9)
        assert moment.inside == pytest.approx(entered - through, abs=1e-6)
        assert min(msgspec.structs.astuple(moment)) >= -1e-9
    assert through == pytest.approx(total, abs=1)


def test_a_full_house_lets_through_what_little_s_law_says() -> None:
    morning = play([1_000.0] + [0.0] * 60, HOUSE)

    busy = morning.moments[30:80]
    assert sum(moment.through for moment in busy) / len(busy) == pytest.approx(
        HOUSE.through_per_second, rel=0.05
    )
    assert HOUSE.through_per_second == 10


def test_a_service_that_can_do_less_than_its_slots_is_the_bound() -> None:
    slow = House(slots=100, hold_seconds=10, people_per_second=4, calls_per_second=50)
    morning = play([400.0], slow)

    assert slow.through_per_second == 4
    # And the last few take their time.
    assert 100 <= morning.seconds <= 120


def test_nobody_waits_while_there_are_slots() -> None:
    morning = play([5.0] * 100, HOUSE)

    assert morning.most_waiting == 0
    assert morning.wait_seconds(1.0) == 0
    assert morning.most_inside == pytest.approx(50, rel=0.1)


def test_whoever_comes_later_waits_longer() -> None:
    morning = play([1_000.0], HOUSE)

    # A hundred enter at once, ten a second after that.
    assert morning.most_waiting == pytest.approx(900)
    assert morning.wait_seconds(0.5) == pytest.approx(40, rel=0.15)
    assert morning.longest_wait_seconds == pytest.approx(90, rel=0.15)


def test_those_who_wait_are_called_no_faster_than_calls_go_out() -> None:
    house = House(slots=1_000, hold_seconds=1, people_per_second=math.inf, calls_per_second=7)
    morning = play([1_100.0] + [0.0] * 20, house)

    assert max(moment.entered for moment in morning.moments[1:]) == pytest.approx(7)
