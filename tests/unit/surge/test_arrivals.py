from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.surge.arrivals import expected, multiple_at, plan_arrivals
from loadtests.surge.profiles import Point

HILL = (Point(0, 0), Point(10, 4), Point(15, 2), Point(20, 0))
STEP = (Point(0, 1), Point(10, 1), Point(10, 3), Point(20, 3))


def curves() -> st.SearchStrategy[tuple[Point, ...]]:
    pieces = st.lists(
        st.tuples(st.floats(0, 50), st.floats(0, 10)).filter(lambda piece: piece[0] == 0 or piece[0] > 0.01),
        min_size=2,
        max_size=6,
    )
    return pieces.map(laid_end_to_end)


def laid_end_to_end(pieces: list[tuple[float, float]]) -> tuple[Point, ...]:
    points, second = [], 0.0
    for length, multiple in pieces:
        points.append(Point(second, multiple))
        second += length
    return tuple(points)


def numeric_integral(curve: Sequence[Point], second: float) -> float:
    steps = 20_000
    width = second / steps
    return sum(multiple_at(curve, (step + 0.5) * width) * width for step in range(steps))


@pytest.mark.parametrize("curve", [HILL, STEP])
@pytest.mark.parametrize("second", [0, 3, 10, 12.5, 20])
def test_the_integral_is_the_area_under_the_curve(curve: tuple[Point, ...], second: float) -> None:
    assert expected(curve, second) == pytest.approx(numeric_integral(curve, second), abs=1e-3)


def test_after_the_last_point_nobody_arrives_any_more() -> None:
    assert expected(HILL, 1_000) == expected(HILL, 20) == 40
    assert multiple_at(HILL, 20) == 0


def test_as_many_arrive_as_the_area_under_the_curve_says() -> None:
    # A Poisson count of 40 000 is off by more than five times its deviation of 200 once in a million.
    arrivals = plan_arrivals(HILL, 1_000, seed=1)

    assert abs(len(arrivals) - 40_000) < 1_000
    for second in (5, 10, 15):
        assert sum(at < second for at in arrivals) == pytest.approx(1_000 * expected(HILL, second), abs=1_000)


def test_a_step_is_a_step() -> None:
    arrivals = plan_arrivals(STEP, 1_000, seed=1)

    before, after = sum(9 <= at < 10 for at in arrivals), sum(10 <= at < 11 for at in arrivals)
    assert before == pytest.approx(1_000, abs=200)
    assert after == pytest.approx(3_000, abs=350)


def test_the_same_seed_plans_the_same_arrivals_and_another_seed_others() -> None:
    assert plan_arrivals(HILL, 10, seed=1) == plan_arrivals(HILL, 10, seed=1)
    assert plan_arrivals(HILL, 10, seed=1) != plan_arrivals(HILL, 10, seed=2)


@given(curve=curves(), per_second=st.floats(0, 20), seed=st.integers(0, 2**32))
def test_all_arrive_in_order_and_within_the_curve(
    curve: tuple[Point, ...], per_second: float, seed: int
) -> None:
    arrivals = plan_arrivals(curve, per_second, seed)

    assert arrivals == sorted(arrivals)
    assert all(0 <= at <= curve[-1].second for at in arrivals)
