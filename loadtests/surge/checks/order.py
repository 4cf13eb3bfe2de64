from bisect import bisect_right
from collections.abc import Iterator

from loadtests.surge.books.clients import Clients, Line
from loadtests.surge.books.writes import Writes
from loadtests.surge.checks.judged import judged
from loadtests.surge.verdicts import Verdict

NAME = "the order of the line"
EXPECTED = "0 numbers before a lower one of their lane"


def check_order(clients: Clients, writes: Writes | None) -> Verdict:
    """What people heard of each other's numbers and, where it can be read, what Redis wrote."""
    faults = [
        f"lane {key.lane}: {fault}" for key, line in clients.lines.items() for fault in _inversions(line)
    ]
    if writes:
        faults += [*writes.disorder, *_uncalled(clients, writes)]
    return judged(NAME, EXPECTED, faults)


def _inversions(line: Line) -> Iterator[str]:
    """Yield who still waited after somebody behind them had been called."""
    at_us, highest = list[int](), list[int]()
    for heard in sorted(line.called):
        at_us.append(heard.at_us)
        highest.append(max(heard.number, highest[-1] if highest else 0))
    for heard in line.waiting:
        before = bisect_right(at_us, heard.at_us)
        if before and highest[before - 1] > heard.number:
            yield f"{highest[before - 1]} was called while {heard.number} waited"


def _uncalled(clients: Clients, writes: Writes) -> Iterator[str]:
    """Yield who got in with a number that, as far as Redis wrote, was not called by then."""
    marks = dict[tuple[int, int], tuple[list[int], list[int]]]()
    for call in writes.calls:
        at_ms, called = marks.setdefault((call.epoch, call.lane), ([], []))
        at_ms.append(call.at_ms)
        called.append(call.called)
    for claim in clients.claims:
        at_ms, called = marks.get((claim.epoch or 0, claim.lane or 0), ([], []))
        before = bisect_right(at_ms, claim.answered_at_us // 1000)
        mark = called[before - 1] if before else 0
        if (claim.number or 0) > mark:
            yield f"{claim.number} got in when {mark} was called (visit {claim.visit})"
