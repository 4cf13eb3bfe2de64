"""What is compared: the same figures of both sides, each from books that the other side has too."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from loadtests.surge.figures import latency
from loadtests.surge.ledger import Entry, Step

_MICROSECONDS = 1_000_000

Points = list[tuple[float, float]]


class Handed(Struct, frozen=True):
    """What took effect at E-Maket; `people_twice` have more than one application there."""

    applications: int
    people_twice: int


class Seen(Struct, frozen=True):
    """Of the client's book: who was accepted when, for the first time, and how long forms took."""

    told: int
    people: int
    goodput_per_second: float | None
    p99_ms: float
    late_p99_ms: float
    unexpected: int
    accepted: Points
    p99s: Points


class Side(Struct, frozen=True, kw_only=True):
    """`lost` and `not_yet` are applications that were accepted, as their people know, and are not at E-Maket.

    `taken` are slots in use, by second; `left_taken` those that nothing uses any more at the end.
    """

    name: str
    seen: Seen
    lost: int
    not_yet: int
    handed: Handed
    taken: Points
    left_taken: int

    def above(self, limit: int) -> int:
        """Return how many more than the limit were in process at once."""
        return max(int(max(count for _, count in self.taken)) - limit, 0)


def see(entries: Iterable[Entry], began_at_us: int, accepting: Step) -> Seen:
    """Add up; `accepting` is the step whose success means accepted: the form there, the code here."""
    first_at_us: dict[int, int] = {}
    told, unexpected = set[object](), 0
    forms_ms, late_ms = list[float](), list[float]()
    forms_by_second = defaultdict[int, list[float]](list)
    for entry in entries:
        is_accepted = entry.is_acceptance if accepting is Step.CONFIRM else entry.is_admission
        if is_accepted:
            told.add(entry.id or entry.visit)
            first = first_at_us.get(entry.person, entry.answered_at_us)
            first_at_us[entry.person] = min(first, entry.answered_at_us)
        if entry.step is Step.SUBMIT:
            unexpected += entry.is_unexpected
            late_ms.append(entry.late_ms)
            forms_ms.append(entry.latency_ms)
            forms_by_second[(entry.intended_at_us - began_at_us) // _MICROSECONDS].append(entry.latency_ms)
    moments = sorted(first_at_us.values())
    seconds = Counter((at_us - began_at_us) // _MICROSECONDS for at_us in moments)
    return Seen(
        told=len(told),
        people=len(moments),
        goodput_per_second=_goodput_per_second(moments),
        p99_ms=latency(forms_ms).p99_ms,
        late_p99_ms=latency(late_ms).p99_ms,
        unexpected=unexpected,
        accepted=[(second, seconds[second]) for second in range(max(seconds, default=0) + 1)],
        p99s=[(second, latency(values).p99_ms) for second, values in sorted(forms_by_second.items())],
    )


def handed(people: Sequence[object]) -> Handed:
    """`people` has whose it is, for each application that E-Maket has taken in."""
    return Handed(len(people), sum(count > 1 for count in Counter(people).values()))


def missing(told: Sequence[object], done: Sequence[object]) -> int:
    """Count what was told to somebody and not done for the same."""
    return (Counter(told) - Counter(done)).total()


def _goodput_per_second(moments_us: Sequence[int]) -> float | None:
    """Count the middle four fifths: neither the first nor the stragglers."""
    first, last = len(moments_us) // 10, len(moments_us) - 1 - len(moments_us) // 10
    if last <= first:
        return None
    return (last - first) * _MICROSECONDS / max(moments_us[last] - moments_us[first], 1)
