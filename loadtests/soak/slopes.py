"""How fast something grows, told so that one odd sample says nothing: Theil and Sen, with their interval."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import sqrt
from statistics import median

from msgspec import Struct

# Of the normal distribution, for nineteen times in twenty.
_Z = 1.96

# Samples that lie close together say the same; so many seconds become one point, their median.
_POINT_SECONDS = 15.0

# Fewer say nothing.
_LEAST_POINTS = 4

Sample = tuple[float, float]


class Slope(Struct, frozen=True):
    """Growth a minute, and the interval that holds the true one nineteen times in twenty."""

    per_minute: float
    least: float
    most: float
    points: int


def slope_of(lives: Iterable[Sequence[Sample]]) -> Slope | None:
    """Return the common slope of several lives of a process, each samples of (seconds, value); None: too few.

    A life that began anew begins at another height, so only samples of one are compared.
    """
    slopes: list[float] = []
    variance, count = 0.0, 0
    for life in lives:
        points = list(_points(life))
        size = len(points)
        if size < _LEAST_POINTS:
            continue
        count += size
        variance += size * (size - 1) * (2 * size + 5) / 18
        slopes += [
            (later[1] - earlier[1]) / (later[0] - earlier[0]) * 60
            for at, earlier in enumerate(points)
            for later in points[at + 1 :]
        ]
    if not slopes:
        return None
    slopes.sort()
    half = _Z * sqrt(variance)
    first = max(int((len(slopes) - half) / 2), 0)
    last = min(int((len(slopes) + half) / 2) + 1, len(slopes) - 1)
    return Slope(median(slopes), slopes[first], slopes[last], count)


def after_warm_up(life: Sequence[Sample], seconds: float) -> list[Sample]:
    """Leave the first seconds out, and with them a life that was no longer."""
    return [sample for sample in life if sample[0] - life[0][0] >= seconds]


def _points(life: Sequence[Sample]) -> Iterator[Sample]:
    for _, group in groupby(life, key=lambda sample: sample[0] // _POINT_SECONDS):
        samples = list(group)
        yield median(at for at, _ in samples), median(value for _, value in samples)
