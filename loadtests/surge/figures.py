"""A run in figures, from the client's book: what the thresholds are judged by, and a page shows."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import ceil
from statistics import median

import msgspec
from msgspec import Struct

from loadtests.surge.casting import Kind
from loadtests.surge.ledger import Entry, Outcome, Step

# Shorter waits are mostly the time between two polls.
_SHORTEST_WAIT_SECONDS = 30.0

# Who went away, or never gave a right form, is owed nothing more.
_OWED_NOTHING = frozenset({Outcome.LEFT, Outcome.VANISHED, Outcome.WRONG_FORM, Outcome.BOT})
# Who hears one of these has been answered to the end.
_ANSWERED = frozenset({Outcome.SERVED, Outcome.REFUSED, Outcome.ALREADY_APPLIED})

_MICROSECONDS = 1_000_000


class Latency(Struct, frozen=True):
    """Milliseconds from the intended start; percentiles by nearest rank."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    most_ms: float


class Second(Struct):
    """What people were answered in one second of the run; `full` and `refused` are answers to the form."""

    arrived: int = 0
    admitted: int = 0
    accepted: int = 0
    served: int = 0
    full: int = 0
    refused: int = 0
    polls: int = 0
    unexpected: int = 0


class Promise(Struct):
    """The first ETA that somebody was told, and how long it was from then until being called."""

    at_us: int
    promised_seconds: int
    promised_p90_seconds: int | None
    waited_seconds: float | None = None

    @property
    def error(self) -> float | None:
        """None for who was not called, or soon."""
        waited = self.waited_seconds
        if waited is None or waited < _SHORTEST_WAIT_SECONDS:
            return None
        return abs(self.promised_seconds - waited) / waited


class Figures(Struct, frozen=True, kw_only=True):
    """`people` and `accepted` are distinct; `answers` count by step and answer, bots' ones too.

    `late` is how much later than meant requests were sent. `eta_error` is the median over promises of long
    waits. `served_share` is of people who, at one visit at least, did nothing wrong and did not go away.
    `goodput_per_second` is that of the middle four fifths of all who were accepted, and
    `asked_per_admission` how many forms were sent for each one that got in.
    """

    visits: int
    people: int
    admitted: int
    accepted: int
    outcomes: dict[str, int]
    answers: dict[str, int]
    unexpected: dict[str, int]
    latencies: dict[str, Latency]
    late: Latency | None
    promises: list[Promise]
    eta_error: float | None
    served_share: float | None
    goodput_per_second: float | None
    asked_per_admission: float | None
    seconds: dict[int, Second]


class Tally:
    """Takes entries in any order, while the ledger grows or afterwards; seconds count from `began_at_us`."""

    def __init__(self, began_at_us: int) -> None:
        self._began_at_us = began_at_us
        self.seconds: defaultdict[int, Second] = defaultdict(Second)
        self.total = Second()
        self.outcomes = Counter[Outcome]()
        self._visits, self._people, self._accepted = set[int](), set[int](), set[str]()
        self._owed, self._served = set[int](), set[int]()
        self._answers, self._unexpected = Counter[str](), Counter[str]()
        self._latencies_ms: defaultdict[str, list[float]] = defaultdict(list)
        self._late_ms: list[float] = []
        self._accepted_at_us: list[int] = []
        self._promises: dict[int, Promise] = {}

    def add(self, entry: Entry) -> None:
        if entry.visit not in self._visits:
            self._visits.add(entry.visit)
            self._count(entry.intended_at_us, "arrived")
        if entry.outcome is not None:
            self._end(entry, entry.outcome)
        elif entry.step is Step.SMS:
            self._latencies_ms["sms"].append(entry.latency_ms)
        else:
            self._add_answer(entry)

    def figures(self) -> Figures:
        asked = sum(count for name, count in self._answers.items() if name.startswith(f"{Step.SUBMIT} "))
        errors = [promise.error for promise in self._promises.values() if promise.error is not None]
        return Figures(
            visits=len(self._visits),
            people=len(self._people),
            admitted=self.total.admitted,
            accepted=len(self._accepted),
            outcomes={str(outcome): count for outcome, count in self.outcomes.most_common()},
            answers=dict(sorted(self._answers.items())),
            unexpected=dict(self._unexpected),
            latencies={name: latency(values) for name, values in sorted(self._latencies_ms.items())},
            late=latency(self._late_ms) if self._late_ms else None,
            promises=list(self._promises.values()),
            eta_error=median(errors) if errors else None,
            served_share=len(self._served) / len(self._owed) if self._owed else None,
            goodput_per_second=_goodput_per_second(self._accepted_at_us),
            asked_per_admission=asked / self.total.admitted if self.total.admitted else None,
            seconds=dict(sorted(self.seconds.items())),
        )

    def _end(self, entry: Entry, outcome: Outcome) -> None:
        self.outcomes[outcome] += 1
        if outcome is Outcome.SERVED:
            self._count(entry.answered_at_us, "served")
        if outcome not in _OWED_NOTHING:
            self._owed.add(entry.person)
        if outcome in _ANSWERED:
            self._served.add(entry.person)

    def _add_answer(self, entry: Entry) -> None:
        name = f"{entry.step} {entry.code or entry.status}"
        self._answers[name] += 1
        self._latencies_ms[name].append(entry.latency_ms)
        self._late_ms.append(entry.late_ms)
        if entry.is_unexpected:
            self._unexpected[name] += 1
            self._count(entry.answered_at_us, "unexpected")
        if entry.kind is not Kind.PERSON:
            return
        self._people.add(entry.person)
        self._count_step(entry)
        self._keep_promise(entry)

    def _count_step(self, entry: Entry) -> None:
        if entry.is_admission:
            self._count(entry.answered_at_us, "admitted")
        elif entry.is_acceptance:
            if entry.id not in self._accepted:
                self._accepted.add(entry.id)
                self._accepted_at_us.append(entry.answered_at_us)
                self._count(entry.answered_at_us, "accepted")
        elif entry.step is Step.POLL:
            self._count(entry.answered_at_us, "polls")
        elif entry.step is Step.SUBMIT and entry.status:
            self._count(entry.answered_at_us, "full" if entry.code == "full" else "refused")

    def _keep_promise(self, entry: Entry) -> None:
        promise = self._promises.get(entry.visit)
        if promise is None:
            if entry.eta_seconds and entry.position:
                self._promises[entry.visit] = Promise(
                    entry.answered_at_us, entry.eta_seconds, entry.eta_p90_seconds
                )
        elif promise.waited_seconds is None and (entry.is_admission or entry.state == "called"):
            promise.waited_seconds = (entry.answered_at_us - promise.at_us) / _MICROSECONDS

    def _count(self, at_us: int, what: str) -> None:
        second = self.seconds[(at_us - self._began_at_us) // _MICROSECONDS]
        for figures in (second, self.total):
            setattr(figures, what, getattr(figures, what) + 1)


def latency(values_ms: Sequence[float]) -> Latency:
    ranked = sorted(values_ms)
    parts = (ranked[ceil(len(ranked) * share) - 1] for share in (0.5, 0.9, 0.99, 0.999, 1))
    return Latency(len(ranked), *(round(part, 3) for part in parts))


def _goodput_per_second(accepted_at_us: Sequence[int]) -> float | None:
    ranked = sorted(accepted_at_us)
    first, last = len(ranked) // 10, len(ranked) - 1 - len(ranked) // 10
    if last <= first:
        return None
    passed_us = ranked[last] - ranked[first]
    return (last - first) * _MICROSECONDS / passed_us if passed_us else None


def as_json(figures: Figures) -> bytes:
    return msgspec.json.format(msgspec.json.encode(figures))
