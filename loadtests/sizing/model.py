"""What a morning will be like: people flow through a line, slots and a service that can do so much a second.

By Little's law, slots in use = people a second × seconds a slot is held. So what comes through is at most
`slots / hold_seconds`, and at most what the service itself can do; whoever comes beyond that waits in line.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct

# What is left of the last person, in people: a fluid never ends quite.
_NOBODY = 0.5

# Of all people so many are asked how long they waited.
_ASKED = 1_000

# Phone, code, case: each takes a third of the time, and spreads as people do (exponentially).
_STAGES = 3


class House(Struct, frozen=True, kw_only=True):
    """`hold_seconds`: from being let in to the end of the case, in a service that has nothing else to do."""

    slots: float
    hold_seconds: float
    people_per_second: float
    calls_per_second: float

    @property
    def through_per_second(self) -> float:
        return min(self.slots / self.hold_seconds, self.people_per_second)


class Moment(Struct, frozen=True):
    """A second of the morning: who came, was let in, gave a phone, was accepted and was through in it.

    `waiting` and `inside` are those at its end.
    """

    came: float
    entered: float
    phones: float
    accepted: float
    through: float
    waiting: float
    inside: float


class Morning(Struct, frozen=True):
    moments: tuple[Moment, ...]

    @property
    def most_waiting(self) -> float:
        return max(moment.waiting for moment in self.moments)

    @property
    def most_inside(self) -> float:
        return max(moment.inside for moment in self.moments)

    @property
    def seconds(self) -> int:
        """Until everybody was through."""
        return len(self.moments)

    @property
    def last_accepted(self) -> int:
        """The second in which the last is accepted."""
        accepted = list(accumulate(moment.accepted for moment in self.moments))
        return bisect_left(accepted, accepted[-1] - _NOBODY)

    @property
    def longest_wait_seconds(self) -> float:
        return self.wait_seconds(1.0)

    def wait_seconds(self, share: float) -> float:
        """Return the wait in the line that this share of all people do not exceed."""
        came = list(accumulate(moment.came for moment in self.moments))
        entered = list(accumulate(moment.entered for moment in self.moments))
        some = [(n + 0.5) / _ASKED * entered[-1] for n in range(_ASKED)]
        waits = sorted(max(_when(entered, nth) - _when(came, nth), 0.0) for nth in some)
        return waits[min(int(share * _ASKED), _ASKED - 1)]


def play(came: Sequence[float], house: House, most_seconds: int = 200_000) -> Morning:
    """Let people come, so many in each second, until the last is through.

    Newcomers go behind whoever waits. Who waits is called at `calls_per_second` at most.
    """
    moments: list[Moment] = []
    stages, waiting = [0.0] * _STAGES, 0.0
    part = min(_STAGES / house.hold_seconds, 1.0)
    while len(moments) < len(came) or (waiting + sum(stages) > _NOBODY and len(moments) < most_seconds):
        coming = came[len(moments)] if len(moments) < len(came) else 0.0
        leaving = [min(inside * part, house.people_per_second) for inside in stages]
        room = max(house.slots - sum(stages) + leaving[-1], 0.0)
        entering = min(waiting + coming, room, house.calls_per_second if waiting else room)
        flows = [entering, *leaving]
        stages = [inside + flows[at] - flows[at + 1] for at, inside in enumerate(stages)]
        waiting += coming - entering
        phones, accepted, through = leaving
        moments.append(Moment(coming, entering, phones, accepted, through, waiting, sum(stages)))
    return Morning(tuple(moments))


def _when(totals: Sequence[float], nth: float) -> float:
    """Return at which second so many were reached, between two seconds by a straight line."""
    at = min(bisect_left(totals, nth - 1e-9), len(totals) - 1)
    before = totals[at - 1] if at else 0.0
    return at + (nth - before) / (totals[at] - before) if totals[at] > before else float(at)
