"""Growth is seen when there is some, and not when there is none."""

import random

from loadtests.soak.growth import Growing, growths
from loadtests.soak.processes import Seen
from loadtests.soak.slopes import after_warm_up, slope_of


def life(pid: int, began_s: int, kb_a_minute: float, *, role: str = "worker", files: int = 30) -> list[Seen]:
    """Twelve minutes of a process, with noise, and memory that filled at first."""
    chance = random.Random(pid)
    return [
        Seen(
            at_us=(began_s + second) * 1_000_000,
            pid=pid,
            role=role,
            anonymous_kb=int(
                60_000 + min(second, 120) * 50 + kb_a_minute * second / 60 + chance.uniform(-300, 300)
            ),
            files=files + chance.randrange(3),
        )
        for second in range(0, 720, 3)
    ]


def test_a_straight_line_has_its_slope() -> None:
    slope = slope_of([[(float(second), second / 2) for second in range(0, 300, 5)]])

    assert slope is not None
    assert abs(slope.per_minute - 30) < 0.01
    assert slope.least <= slope.per_minute <= slope.most


def test_lives_at_different_heights_have_one_slope() -> None:
    low = [(float(second), second / 60) for second in range(0, 300, 5)]
    high = [(float(second), 9_000 + second / 60) for second in range(400, 700, 5)]

    slope = slope_of([low, high])

    assert slope is not None
    assert abs(slope.per_minute - 1) < 0.01


def test_a_moment_says_nothing() -> None:
    assert slope_of([[(1.0, 1.0), (2.0, 2.0)]]) is None
    assert after_warm_up([], 180) == []


def test_what_fills_at_first_and_then_stands_is_flat() -> None:
    (growth,) = growths([*life(1, 0, 0), *life(2, 800, 0)])

    assert (growth.verdict, growth.lives) == (Growing.FLAT, 2)


def test_a_life_that_only_fills_says_nothing() -> None:
    filling = [one for one in life(1, 0, 0) if one.at_us < 170_000_000]

    (growth,) = growths(filling)

    assert growth.verdict is Growing.UNKNOWN


def test_a_leak_is_seen() -> None:
    (growth,) = growths([*life(1, 0, 400), *life(2, 800, 400)])

    assert growth.verdict is Growing.GROWS
    assert growth.memory is not None
    assert growth.memory.least < 400 < growth.memory.most


def test_files_that_are_never_closed_are_seen() -> None:
    leaking = [
        Seen(at_us=second * 1_000_000, pid=1, role="Valkey", anonymous_kb=1, files=30 + second // 60)
        for second in range(0, 720, 3)
    ]

    (growth,) = growths(leaking)

    assert growth.verdict is Growing.GROWS


def test_whoever_keeps_data_may_grow() -> None:
    (growth,) = growths(life(1, 0, 4_000, role="Valkey"))

    assert growth.verdict is Growing.KEEPS
