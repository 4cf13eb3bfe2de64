"""State systems, as the last minute's calls of workers tell."""

from collections.abc import Mapping
from itertools import pairwise
from math import isinf
from typing import Final

import msgspec
from msgspec import Struct

from gateway.operators.tallies import Tallies, call_seconds_in, calls_in
from gateway.operators.windows import Window

# Long enough for a few calls in a quiet hour, short enough to see at once that something is mended.
_SPAN_SECONDS: Final = 60.0

# Fewer calls than this that fail or take long are chance.
_FEWEST_CALLS: Final = 3

# As the alert SystemDown has it: then more cases stay than go.
_DOWN_PERCENT: Final = 50.0

# As the alert SystemSlow has it: two fifths of the time after which a call counts as failed.
_SLOW_MS: Final = 2_000.0

_OFTEN: Final = 0.95

# The system works, whatever it thought of this call.
_WORKS: Final = frozenset({"answered", "stale_token", "message_refused"})


class SystemState(Struct, frozen=True):
    """`state`: up, slow, down or unknown. `breaker`: closed, open, half_open; None is not known."""

    state: str
    calls_per_second: float | None = None
    errors_percent: float | None = None
    p95_ms: float | None = None
    breaker: str | None = None


class Systems:
    def __init__(self) -> None:
        self._calls = Window[tuple[str, str]](_SPAN_SECONDS)
        self._buckets = Window[tuple[str, str]](_SPAN_SECONDS)

    def note(self, since_ms: int, until_ms: int, growth: Tallies) -> None:
        self._calls.note(since_ms, until_ms, calls_in(growth))
        self._buckets.note(since_ms, until_ms, call_seconds_in(growth))

    def states(self, breakers: Mapping[str, str]) -> dict[str, SystemState] | None:
        """By name, those that workers count calls of or have a breaker for; None while there are none."""
        calls, buckets = _by_system(self._calls.sums), _by_system(self._buckets.sums)
        seconds = self._calls.seconds
        return {
            name: msgspec.structs.replace(
                _state(calls.get(name, {}), buckets.get(name, {}), seconds), breaker=breakers.get(name)
            )
            for name in sorted(calls.keys() | breakers.keys())
        } or None


def _state(outcomes: Mapping[str, float], buckets: Mapping[str, float], seconds: float) -> SystemState:
    calls = sum(outcomes.values())
    if not calls:
        return SystemState("unknown", calls_per_second=0.0)
    failed = sum(count for outcome, count in outcomes.items() if outcome not in _WORKS)
    errors_percent, p95_ms = 100 * failed / calls, _p95_ms(buckets)
    return SystemState(
        _judge(calls, errors_percent, p95_ms), round(calls / seconds, 2), round(errors_percent, 1), p95_ms
    )


def _judge(calls: float, errors_percent: float, p95_ms: float | None) -> str:
    if errors_percent >= _DOWN_PERCENT:
        return "down" if calls >= _FEWEST_CALLS else "unknown"
    return "slow" if calls >= _FEWEST_CALLS and p95_ms is not None and p95_ms > _SLOW_MS else "up"


def _p95_ms(buckets: Mapping[str, float]) -> float | None:
    """Within its bucket in proportion, as Prometheus does; above the last bound that bound."""
    counts = sorted((float(bound), count) for bound, count in buckets.items())
    left = _OFTEN * sum(count for _, count in counts)
    if not left:
        return None
    for (low, _), (high, count) in pairwise([(0.0, 0.0), *counts]):
        if count >= left:
            seconds = low if isinf(high) else low + (high - low) * left / count
            return round(seconds * 1000)
        left -= count
    return None


def _by_system(sums: Mapping[tuple[str, str], float]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (system, name), count in sums.items():
        found.setdefault(system, {})[name] = count
    return found
