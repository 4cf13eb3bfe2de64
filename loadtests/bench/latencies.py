"""How long answers took, by what was answered."""

from array import array
from collections import defaultdict

import msgspec


class Latency(msgspec.Struct, frozen=True):
    p50_ms: float
    p99_ms: float
    most_ms: float


class Latencies:
    """Every one is kept, as a plain double: eight bytes for each, and exact."""

    def __init__(self) -> None:
        self._seconds: defaultdict[object, array[float]] = defaultdict(lambda: array("d"))

    def add(self, answer: object, seconds: float) -> None:
        self._seconds[answer].append(seconds)

    def counts(self) -> dict[str, int]:
        return {str(answer): len(seconds) for answer, seconds in self._seconds.items()}

    def summaries(self) -> dict[str, Latency]:
        return {str(answer): _summary(sorted(seconds)) for answer, seconds in self._seconds.items()}


def _summary(seconds: list[float]) -> Latency:
    """Take the nearest rank: a latency that was measured, and of one alone that one."""

    def percentile(percent: int) -> float:
        return round(seconds[-(-len(seconds) * percent // 100) - 1] * 1000, 3)

    return Latency(percentile(50), percentile(99), percentile(100))
