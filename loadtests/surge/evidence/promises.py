"""What people were told about their wait, against how long it was."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from statistics import median

from msgspec import Struct

from loadtests.surge.evidence.drawing import Chart, Line, Point, Scale, draw, level, path, place
from loadtests.surge.evidence.tables import Table, percent, render, thousands
from loadtests.surge.figures import Figures

# Shown as a band even where the profile does not ask for it.
_BAND = 0.25

# More would hide each other.
_MOST_DOTS = 1_200

# Of people's waits.
_BOUNDS_SECONDS = (0, 10, 30, 60, 120, 300, inf)

# A promise that is so many times too long needs no place of its own on the chart.
_FAR_OFF = 3.0

_HEIGHT = 320


class _Wait(Struct, frozen=True):
    """Somebody who was promised a time and then called; a short wait is not judged."""

    waited_seconds: float
    promised_seconds: float
    promised_p90_seconds: float | None
    is_judged: bool

    @property
    def point(self) -> Point:
        return self.waited_seconds, self.promised_seconds


def show_promises(figures: Figures, most_error: float | None) -> str:
    """Return a chart with a table, or a sentence when there is nothing to compare."""
    waits = [
        _Wait(
            promise.waited_seconds,
            promise.promised_seconds,
            promise.promised_p90_seconds,
            promise.error is not None,
        )
        for promise in figures.promises
        if promise.waited_seconds is not None
    ]
    if not waits:
        return "<p>Nobody was told a time and then called: there was no line, or none that moved.</p>"
    band = most_error or _BAND
    return draw(_chart(waits, len(figures.promises), band)) + render(_table(waits, band))


def _chart(waits: Sequence[_Wait], promised: int, band: float) -> Chart:
    longest = max(wait.waited_seconds for wait in waits)
    x = level(longest, 6)
    highest = min(max(wait.promised_seconds for wait in waits), x.last * _FAR_OFF)
    y = level(max(highest, x.last * (1 + band)), 5)
    told = (
        "A dot is a person: across how long it was until the call, up what was promised first (p50). "
        f"On the line it was exact, in the band within {percent(band)}. "
        f"{thousands(len(waits))} of {thousands(promised)} who were promised a time were called."
    )
    if beyond := sum(wait.promised_seconds > y.last for wait in waits):
        told += (
            f" {thousands(beyond)} promises were longer than the chart is high, and lie on its upper edge."
        )
    lines = [
        Line("judged", "judged", _thinned([wait.point for wait in waits if wait.is_judged])),
        Line(
            "shorter waits: mostly the time between two polls",
            "unjudged",
            _thinned([wait.point for wait in waits if not wait.is_judged]),
        ),
    ]
    return Chart(
        key="promises",
        title="Waiting time against the promise",
        told=told,
        x=x,
        y=y,
        x_unit="seconds waited, from the promise to the call",
        y_unit="seconds promised",
        lines=[line for line in lines if line.points],
        height=_HEIGHT,
        are_dots=True,
        under=_ideal(x, y, band),
    )


def _ideal(x: Scale, y: Scale, band: float) -> str:
    """Draw where promises should lie."""
    corners = [(0.0, 0.0), (x.last, x.last * (1 + band)), (x.last, x.last * (1 - band))]
    area = path(place(x, y, _HEIGHT, corners))
    exact = path(place(x, y, _HEIGHT, [(0.0, 0.0), (x.last, x.last)]))
    return f'<path class="band" d="{area}Z"/><path class="exact" d="{exact}"/>'


def _table(waits: Sequence[_Wait], band: float) -> Table:
    heads = (
        "Waited",
        "People",
        "Waited, median",
        "Promised, median",
        f"Promise within {percent(band)}",
        "Wait within the p90 promised",
    )
    return Table("Promises, by how long people waited", heads, list(_rows(waits, band)))


def _rows(waits: Sequence[_Wait], band: float) -> Iterator[tuple[str, ...]]:
    for least, most in pairwise(_BOUNDS_SECONDS):
        some = [wait for wait in waits if least <= wait.waited_seconds < most]
        if not some:
            continue
        near = [
            abs(wait.promised_seconds - wait.waited_seconds) <= band * wait.waited_seconds for wait in some
        ]
        slow = [
            wait.waited_seconds <= wait.promised_p90_seconds
            for wait in some
            if wait.promised_p90_seconds is not None
        ]
        yield (
            f"{least} s and more" if most == inf else f"{least} to {most} s",
            thousands(len(some)),
            f"{median(wait.waited_seconds for wait in some):.0f} s",
            f"{median(wait.promised_seconds for wait in some):.0f} s",
            percent(sum(near) / len(near)),
            percent(sum(slow) / len(slow)) if slow else "none was told",
        )


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    return points[:: len(points) // _MOST_DOTS + 1]
