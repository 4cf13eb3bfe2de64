"""What the line was promised, kept until it is seen how long it took. Numbers and times; nobody's ticket."""

from collections import deque
from typing import NamedTuple

from gateway.counting import LEDGER
from gateway.http.eta import Speed, estimate
from gateway.inflight.status import Summary

# The end of the line is asked this often: enough to follow a day, and a day fits below.
_EVERY_MS = 5_000
_MOST_KEPT = 20_000

# Figures are up to a second old on both ends, which is too much of a shorter promise.
_SHORTEST_SECONDS = 10

# Waited against promised: 1 is what everybody hopes for.
_RATIOS = (0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2.0, 4.0)


class Promise(NamedTuple):
    """What whoever got the ticket of this number was told at that moment."""

    number: int
    at_ms: int
    seconds: int


class Promises:
    """One process's sample of the line. Whoever joins is promised the same by all processes."""

    def __init__(self, programme: str) -> None:
        self._kept = deque[Promise]()
        self._ratios = LEDGER.spread(
            "qabyldau_eta_waited_ratio",
            "How long a sample of the line waited for its call, as a part of what it was promised.",
            _RATIOS,
            programme=programme,
        )
        self._promised = LEDGER.count(
            "qabyldau_eta_promised_seconds_total",
            "What the called of the sample had been promised.",
            programme=programme,
        )
        self._waited = LEDGER.count(
            "qabyldau_eta_waited_seconds_total",
            "What the called of the sample waited.",
            programme=programme,
        )

    def watch(self, summary: Summary, speed: Speed | None) -> None:
        """Compare what was promised to those called by now, and note what the last in line is promised."""
        while self._kept and self._kept[0].number <= summary.line.called:
            promise = self._kept.popleft()
            waited_seconds = (summary.at_ms - promise.at_ms) / 1000
            self._ratios.add(waited_seconds / promise.seconds)
            self._promised.add(promise.seconds)
            self._waited.add(waited_seconds)
        seconds = estimate(summary.waiting, speed).seconds
        if seconds is not None and seconds >= _SHORTEST_SECONDS and self._is_due(summary):
            self._kept.append(Promise(summary.line.minted, summary.at_ms, seconds))

    def forget(self) -> None:
        """Forget the promises of a line that was lost."""
        self._kept.clear()

    def _is_due(self, summary: Summary) -> bool:
        """Tell whether somebody has joined since the last note, and long enough after it."""
        if not summary.line.waiting or len(self._kept) == _MOST_KEPT:
            return False
        last = self._kept[-1] if self._kept else None
        return last is None or (summary.line.minted > last.number and summary.at_ms - last.at_ms >= _EVERY_MS)
