from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.eta import (
    LATEST_POLL_MS,
    MOST_SAMPLES,
    SOONEST_POLL_MS,
    Eta,
    Sample,
    Speed,
    add_sample,
    estimate,
    measure,
    poll_after_ms,
    reserved,
)
from gateway.inflight.waiting import Lane


def called_at(*rates: int) -> list[Sample]:
    """One refresh a second, with so many called in each."""
    totals = [sum(rates[:at]) for at in range(len(rates) + 1)]
    return [Sample(at * 1000, total) for at, total in enumerate(totals)]


def test_no_speed_is_known_before_ten_seconds_were_seen() -> None:
    assert measure([]) is None
    assert measure(called_at(*[5] * 9)) is None
    assert measure(called_at(*[5] * 10)) == Speed(5, 5)


def test_a_steady_line_has_one_speed() -> None:
    assert measure(called_at(*[7] * (MOST_SAMPLES - 1))) == Speed(7, 7)


def test_bursts_of_a_second_are_evened_out() -> None:
    assert measure(called_at(*[100, 0, 0, 0, 0] * 20)) == Speed(20, 20)


def test_a_pause_slows_the_slowest_tenth_and_not_the_median() -> None:
    speed = measure(called_at(*[10] * 60, *[0] * 20, *[10] * 30))

    assert speed is not None
    assert speed.usual == 10
    assert speed.slow == 0


def kept(*refreshes: tuple[int, int]) -> list[int]:
    """What is kept, by how many were called, of refreshes that saw so many called and so many waiting."""
    samples: deque[Sample] = deque()
    for at, (called, waiting) in enumerate(refreshes):
        add_sample(samples, Sample(at * 1_000, called), waiting)
    return [sample.called for sample in samples]


def test_the_pause_before_the_first_of_a_new_line_is_called_does_not_count() -> None:
    assert kept((0, 0), (0, 90), (0, 90), (0, 90), (5, 85), (5, 85), (9, 81)) == [0, 5, 5, 9]


def test_a_pause_later_counts() -> None:
    assert kept((0, 90), (5, 85), (5, 85), (5, 85)) == [0, 5, 5, 5]


def test_an_empty_line_has_no_speed() -> None:
    assert kept((0, 90), (50, 40), (90, 0), (90, 0), (90, 7), (95, 2)) == [90, 95]


def test_late_refreshes_make_longer_spans_and_no_other_speed() -> None:
    samples = [Sample(at * 2_900, at * 29) for at in range(20)]

    assert measure(samples) == Speed(10, 10)


def test_a_clock_that_stands_still_measures_nothing() -> None:
    assert measure([Sample(1_000, 3)] * MOST_SAMPLES) is None


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 1_000)), max_size=MOST_SAMPLES))
def test_the_slow_speed_is_never_above_the_usual_one(steps: list[tuple[int, int]]) -> None:
    samples = [
        Sample(sum(ms for ms, _ in steps[:at]), sum(count for _, count in steps[:at]))
        for at in range(len(steps) + 1)
    ]
    speed = measure(samples)

    if speed is not None:
        assert 0 <= speed.slow <= speed.usual


@pytest.mark.parametrize(
    ("position", "speed", "eta"),
    [
        (10, None, Eta(None, None)),
        (10, Speed(0, 0), Eta(None, None)),
        (10, Speed(3, 0), Eta(4, None)),
        (10, Speed(3, 1), Eta(4, 10)),
        (1, Speed(1_000, 900), Eta(1, 1)),
        (0, None, Eta(0, 0)),
        (0, Speed(3, 1), Eta(0, 0)),
    ],
)
def test_an_estimate_rounds_up_and_is_none_where_nothing_moves(
    position: int, speed: Speed | None, eta: Eta
) -> None:
    assert estimate(position, speed) == eta


@pytest.mark.parametrize(
    ("position", "calls_per_second", "pause"),
    [
        (0, 1_000, 2_000),
        (2_000, 1_000, 2_000),
        (60_000, 1_000, 60_000),
        (600_000, 1_000, 600_000),
        (5_000_000, 1_000, 600_000),
        (30, 1, 30_000),
    ],
)
def test_a_pause_follows_from_the_position(position: int, calls_per_second: int, pause: int) -> None:
    assert poll_after_ms(position, calls_per_second, 0.0) == pause


@given(st.integers(0, 10**7), st.integers(1, 100_000), st.floats(0, 1))
def test_jitter_only_shortens_and_by_a_fifth_at_most(
    position: int, calls_per_second: int, jitter: float
) -> None:
    longest = poll_after_ms(position, calls_per_second, 0.0)

    pause = poll_after_ms(position, calls_per_second, jitter)

    assert SOONEST_POLL_MS <= longest <= LATEST_POLL_MS
    assert longest * 0.8 <= pause <= longest


@given(st.integers(1, 40), st.integers(0, 60), st.sets(st.integers(0, 99)))
def test_reserved_are_the_called_who_have_not_come(floor: int, count: int, came: set[int]) -> None:
    called = floor - 1 + count
    came = {number for number in came if number <= called}
    bitmap = sum(0x80 >> number % 8 << (15 - number // 8) * 8 for number in came).to_bytes(16)
    bits = bitmap[floor // 8 : called // 8 + 1] if count else b""

    lane = Lane(called, called, floor, (), bits)

    assert reserved(lane) == len(set(range(floor, called + 1)) - came)
