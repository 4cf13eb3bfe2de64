"""Sums over the last while, kept up step by step."""

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Window(Generic[K]):
    """What was counted within the last `span_seconds`, by key."""

    def __init__(self, span_seconds: float) -> None:
        self._span_ms = span_seconds * 1000
        self._steps = deque[tuple[int, int, dict[K, float]]]()
        self.sums: dict[K, float] = {}

    @property
    def seconds(self) -> float:
        """How long it has been looked for, the span at most; steps may be longer than a second."""
        return sum(until_ms - since_ms for since_ms, until_ms, _ in self._steps) / 1000

    def note(self, since_ms: int, until_ms: int, counts: Mapping[K, float]) -> None:
        """Add what was counted between two moments, and forget what is too long ago."""
        self._steps.append((since_ms, until_ms, {key: count for key, count in counts.items() if count}))
        for key, count in counts.items():
            self.sums[key] = self.sums.get(key, 0.0) + count
        while self._steps[0][1] <= until_ms - self._span_ms:
            *_, gone = self._steps.popleft()
            for key, count in gone.items():
                self.sums[key] -= count
