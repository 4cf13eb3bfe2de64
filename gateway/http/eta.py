"""How long a place in the line will take, from the speed at which it was called so far. No clock in here."""

import math
from collections import deque
from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from gateway.inflight.waiting import Lane

# Some two minutes of refreshes: long enough to know the slow moments, short enough to follow the day.
MOST_SAMPLES = 120

# Calls come in bursts as slots free up; ten seconds even them out.
SPAN_MS = 10_000

# One span in ten was slower than this one.
_SLOW_PART = 10

# More often than the figures change is of no use; ten minutes are as long as an answer should lie.
SOONEST_POLL_MS = 2_000
LATEST_POLL_MS = 600_000

# Whoever comes early costs a poll, whoever comes late may lose a slot: so the jitter only shortens.
_JITTER_PART = 0.2


class Sample(Struct, frozen=True):
    """How far the line was called at a moment of the service clock."""

    service_ms: int
    called: int


class Speed(Struct, frozen=True):
    """Numbers called in a second: as usual, and in the slowest tenth of the time."""

    usual: float
    slow: float


class Eta(Struct, frozen=True):
    seconds: int | None
    p90_seconds: int | None


NO_ETA = Eta(None, None)


def add_sample(samples: deque[Sample], sample: Sample, waiting: int) -> None:
    """Keep what tells how fast the line moves, and nothing of a line that cannot move.

    An empty one has nobody to be called. And from a new one nobody is called until the first slots come free:
    counted in, that pause would make the first hundreds wait three times as long on paper.
    """
    has_not_moved = len(samples) == 1 and samples[0].called == sample.called
    if not waiting or has_not_moved:
        samples.clear()
    samples.append(sample)


def measure(samples: Sequence[Sample]) -> Speed | None:
    """Return None until one whole span was seen. Samples are ordered, the oldest first."""
    rates = sorted(_rates(samples))
    if not rates:
        return None
    return Speed(median(rates), rates[(len(rates) - 1) // _SLOW_PART])


def _rates(samples: Sequence[Sample]) -> list[float]:
    rates = []
    first = 0
    for last in samples:
        while first + 1 < len(samples) and last.service_ms - samples[first + 1].service_ms >= SPAN_MS:
            first += 1
        passed_ms = last.service_ms - samples[first].service_ms
        if passed_ms >= SPAN_MS:
            rates.append((last.called - samples[first].called) * 1000 / passed_ms)
    return rates


def estimate(position: int, speed: Speed | None) -> Eta:
    """Tell how long `position` more to be called take; position 0 waits for nobody."""
    if position == 0:
        return Eta(0, 0)
    if speed is None:
        return NO_ETA
    return Eta(_seconds(position, speed.usual), _seconds(position, speed.slow))


def _seconds(position: int, speed: float) -> int | None:
    return math.ceil(position / speed) if speed > 0 else None


def poll_after_ms(
    position: int, calls_per_second: int, jitter: float, soonest_ms: int = SOONEST_POLL_MS
) -> int:
    """Return for how long a place cannot be called, within bounds. `jitter`: from 0, the longest, to 1."""
    longest = min(max(position * 1000 // calls_per_second, soonest_ms), LATEST_POLL_MS)
    return longest - int(longest * _JITTER_PART * jitter)


def reserved(lane: Lane) -> int:
    """Count the called whose window is open and who have not come."""
    # The first byte also holds numbers whose windows are over.
    since_floor = max(len(lane.bits) * 8 - lane.floor % 8, 0)
    came = int.from_bytes(lane.bits) & ((1 << since_floor) - 1)
    return max(lane.called - lane.floor + 1, 0) - came.bit_count()
