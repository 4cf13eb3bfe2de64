"""What is measured, and how it is written: a figure, its ratio to another, and whether the target is met."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row. The target is one of the ratio where there is a ratio, else of the value."""

    name: str
    value: float
    unit: str
    # The name of the row that this one is compared with.
    baseline: str | None = None
    ratio: float | None = None
    target: float | None = None
    # The target is the most there may be, not the least.
    at_most: bool = False

    @property
    def measured(self) -> float:
        return self.value if self.ratio is None else self.ratio

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.measured <= self.target if self.at_most else self.measured >= self.target


def median_figure(
    name: str, values: Sequence[float], unit: str, *, target: float | None = None, at_most: bool = False
) -> Figure:
    return Figure(name=name, value=statistics.median(values), unit=unit, target=target, at_most=at_most)


def ratio_figure(
    name: str,
    pairs: Sequence[tuple[float, float]],
    unit: str,
    *,
    baseline: str,
    target: float | None = None,
    at_most: bool = False,
) -> Figure:
    """Compare repetition by repetition: `pairs` holds this row's value and the baseline's, taken together.

    The median of the ratios, not the ratio of the medians: a machine that slows down for a while slows both.
    """
    return Figure(
        name=name,
        value=statistics.median(value for value, _ in pairs),
        unit=unit,
        baseline=baseline,
        ratio=statistics.median(value / base for value, base in pairs),
        target=target,
        at_most=at_most,
    )


def write_bench(path: Path, figures: Iterable[Figure]) -> None:
    rows = [
        {
            "name": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "baseline": figure.baseline,
            "ratio": figure.ratio,
            "target": figure.target,
            "met": figure.met,
        }
        for figure in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
