"""What came of a rehearsal, in figures."""

import math
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field

from gateway.operators.rehearsal.board import Board


class Tally(Struct):
    """Kept while it goes on. `waits_ms` are those of visitors who were told to wait and came in."""

    visits: int = 0
    let_in: int = 0
    accepted: int = 0
    told_to_wait: int = 0
    lapsed: int = 0
    codes: int = 0
    waits_ms: list[int] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)


class Figures(Struct, frozen=True, kw_only=True):
    """A wait is from the first right form to being let in, of those who were told to wait and came in.

    `never_in` were told to wait, or refused, and did not come in. `refusals` are answers, by the code of the
    problem, and somebody may get several. `lapsed` is how often a lease ran out on somebody still at it.
    `drain_seconds` is from the last arrival until nobody was waiting or in process; None when that took
    longer than a rehearsal goes on. `sms_cost` is None without a price.
    """

    limit: int
    visits: int
    let_in: int
    never_in: int
    accepted: int
    told_to_wait: int
    wait_p50_seconds: float | None
    wait_p90_seconds: float | None
    refusals: dict[str, int]
    lapsed: int
    codes_sent: int
    drain_seconds: float | None
    most_live: int
    most_waiting: int
    sms_cost: float | None = None


def figures_of(tally: Tally, board: Board, drain_ms: int | None) -> Figures:
    return Figures(
        limit=board.limit,
        visits=tally.visits,
        let_in=tally.let_in,
        never_in=tally.visits - tally.let_in,
        accepted=tally.accepted,
        told_to_wait=tally.told_to_wait,
        wait_p50_seconds=_seconds(percentile(tally.waits_ms, 0.5)),
        wait_p90_seconds=_seconds(percentile(tally.waits_ms, 0.9)),
        refusals=dict(sorted(tally.refusals.items())),
        lapsed=tally.lapsed,
        codes_sent=tally.codes,
        drain_seconds=_seconds(drain_ms),
        most_live=board.most_live,
        most_waiting=board.most_waiting,
    )


def percentile(values: Sequence[int], share: float) -> int | None:
    """By nearest rank: a value that there was. None of nothing."""
    return sorted(values)[max(math.ceil(len(values) * share), 1) - 1] if values else None


def _seconds(value_ms: int | None) -> float | None:
    return None if value_ms is None else value_ms / 1000
