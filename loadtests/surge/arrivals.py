"""When people arrive: a Poisson process around a curve, planned ahead so that no slow answer thins it out."""

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import sqrt

from loadtests.surge.profiles import Point


def expected(curve: Sequence[Point], second: float) -> float:
    """Return the integral of the multiple up to a second; the curve is straight between its points."""
    total = 0.0
    for first, last in pairwise(curve):
        passed = min(second, last.second) - first.second
        # A step is a piece without length.
        if passed > 0:
            total += passed * (first.multiple + _multiple(first, last, passed)) / 2
    return total


def multiple_at(curve: Sequence[Point], second: float) -> float:
    """Return the multiple at a second, 0 after the last point."""
    for first, last in pairwise(curve):
        if first.second <= second < last.second:
            return _multiple(first, last, second - first.second)
    return 0.0


def plan_arrivals(curve: Sequence[Point], per_second: float, seed: int) -> list[float]:
    """Return when somebody arrives, in seconds, ascending; `per_second` is what the multiple 1 stands for."""
    rng = random.Random(seed)  # noqa: S311 - chance that can be repeated, not a secret.
    return [
        first.second + _passed(first, last, share)
        for first, last in pairwise(curve)
        if last.second > first.second
        for share in _unit_process(rng, expected((first, last), last.second) * per_second)
    ]


def _unit_process(rng: random.Random, size: float) -> Iterator[float]:
    """Yield the events of a Poisson process of rate 1 on 0 to `size`, as parts of it."""
    at = rng.expovariate(1)
    while at < size:
        yield at / size
        at += rng.expovariate(1)


def _multiple(first: Point, last: Point, passed: float) -> float:
    return first.multiple + (last.multiple - first.multiple) * passed / (last.second - first.second)


def _passed(first: Point, last: Point, share: float) -> float:
    """Invert the integral on one straight piece: return after how many seconds `share` of it is reached."""
    length = last.second - first.second
    begin, end = first.multiple, last.multiple
    # The root that is exact for a level piece too; a piece without height has no events to place.
    return length * share * (begin + end) / (begin + sqrt(begin**2 + share * (end**2 - begin**2)))
