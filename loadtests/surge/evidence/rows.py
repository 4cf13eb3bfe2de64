"""A run second by second: what its charts draw and its CSV holds."""

import csv
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import ceil
from pathlib import Path

from msgspec import Struct, structs

from loadtests.surge.arrivals import expected
from loadtests.surge.figures import Figures, Second, latency
from loadtests.surge.ledger import Step, read_ledger
from loadtests.surge.plan import read_plan
from loadtests.surge.run import Run
from loadtests.surge.watch import Sample, read_samples

_MICROSECONDS = 1_000_000

# What nobody waits for with a page open.
_NO_ANSWERS = frozenset({Step.SMS, Step.END})


class Row(Struct, frozen=True, kw_only=True):
    """What was in `seconds` from `second` on, as figures for each second; 0 is the first of the curve.

    `offered` is what the curve asks for, the others what came of it. Slots, limit and waiting are the most
    that was seen, None when the service did not say. Percentiles are those of all answers to whoever meant to
    act then.
    """

    second: int
    seconds: int
    offered: float
    arrived: float
    admitted: float
    accepted: float
    served: float
    full: float
    refused: float
    polls: float
    unexpected: float
    in_process: int | None
    limit: int | None
    waiting: int | None
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None


class Course(Struct, frozen=True):
    """A run by the second; `latencies_ms` are by the second in which somebody meant to act."""

    run: Run
    per_second: float
    length: int
    counted: dict[int, Second]
    latencies_ms: dict[int, list[float]]
    samples: list[Sample]

    def rows(self, most: int | None = None) -> list[Row]:
        """Return a row a second, or as many seconds in each as it takes for `most` rows."""
        width = max(ceil(self.length / most), 1) if most else 1
        return [self._row(begin, width) for begin in range(0, self.length, width)]

    def second_of(self, at_us: int) -> float:
        return (at_us - self.run.began_at_us) / _MICROSECONDS

    def _row(self, begin: int, width: int) -> Row:
        seconds = range(begin, begin + width)
        curve = self.run.profile.curve
        offered = (expected(curve, begin + width) - expected(curve, begin)) * self.per_second
        counted = [self.counted[second] for second in seconds if second in self.counted]
        latencies_ms = [value for second in seconds for value in self.latencies_ms.get(second, ())]
        found = latency(latencies_ms) if latencies_ms else None
        seen = _between(self.samples, *(self._at_us(second) for second in (begin, begin + width)))
        return Row(
            second=begin,
            seconds=width,
            offered=round(offered / width, 2),
            **{name: _mean(counted, name, width) for name in Second.__struct_fields__},
            in_process=_most(sample.in_process for sample in seen),
            limit=_most(sample.limit for sample in seen),
            waiting=_most(sample.waiting for sample in seen),
            p50_ms=found.p50_ms if found else None,
            p90_ms=found.p90_ms if found else None,
            p99_ms=found.p99_ms if found else None,
        )

    def _at_us(self, second: int) -> int:
        return self.run.began_at_us + second * _MICROSECONDS


def course_of(run: Run, figures: Figures) -> Course:
    latencies_ms = defaultdict[int, list[float]](list)
    for entry in read_ledger(run.ledger):
        if entry.step not in _NO_ANSWERS:
            second = (entry.intended_at_us - run.began_at_us) // _MICROSECONDS
            latencies_ms[second].append(entry.latency_ms)
    ended = [run.profile.duration_seconds, *figures.seconds]
    if run.emptied_at_us is not None:
        ended.append((run.emptied_at_us - run.began_at_us) / _MICROSECONDS)
    return Course(
        run=run,
        per_second=read_plan(run.folder / "plan.json").per_second,
        length=int(max(ended)) + 1,
        counted=figures.seconds,
        latencies_ms=dict(latencies_ms),
        samples=read_samples(run.samples),
    )


def write_csv(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, Row.__struct_fields__, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(structs.asdict, rows))


def _between(samples: Sequence[Sample], begin_us: int, end_us: int) -> Sequence[Sample]:
    first, last = (
        bisect_left(samples, at_us, key=lambda sample: sample.at_us) for at_us in (begin_us, end_us)
    )
    return samples[first:last]


def _mean(counted: Iterable[Second], name: str, width: int) -> float:
    return float(sum(getattr(second, name) for second in counted)) / width


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
