"""How many slots it takes that nobody waits: Little's law, L = λW, from what was measured."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import fmean

from msgspec import Struct

from gateway.domain.programme import Leases
from gateway.operators.rehearsal.recording import Arrival, Reached, Recording

ASSUMPTIONS = (
    "a person comes once: repeats take no slot",
    "people, workers and state systems take as long as measured, however many are in process",
    "those who were not let in would have taken as long as those who were",
    "λ is that of the busiest stretch as long as a slot is held; a margin for a busier day is yours to add",
)


class Recommendation(Struct, frozen=True, kw_only=True):
    """`limit` is L, `arrivals_per_second` λ at the busiest, `hold_seconds` W.

    `service_seconds` of W are in the workers. `limit_on_average` would do if people came evenly from the
    first arrival to the last.
    """

    limit: int
    arrivals_per_second: float
    hold_seconds: float
    service_seconds: float
    limit_on_average: int
    assumptions: tuple[str, ...] = ASSUMPTIONS


def recommend(recording: Recording) -> Recommendation:
    """Expects a recording in which somebody was served."""
    first = list(_first_arrivals(recording.arrivals))
    leases, arrivals = recording.header.programme.leases, recording.arrivals
    holds_ms = list(chain.from_iterable(_hold_ms(arrival, leases) for arrival in arrivals))
    service_ms = [arrival.service_ms for arrival in arrivals if arrival.service_ms is not None]
    hold_ms = max(fmean(holds_ms), 1.0)
    times_ms = [arrival.at_ms for arrival in first]
    busiest = _most_within(times_ms, hold_ms)
    passed_ms = max(times_ms[-1] - times_ms[0], hold_ms)
    return Recommendation(
        limit=busiest,
        arrivals_per_second=busiest * 1000 / hold_ms,
        hold_seconds=hold_ms / 1000,
        service_seconds=fmean(service_ms) / 1000,
        limit_on_average=math.ceil(len(first) * hold_ms / passed_ms),
    )


def _first_arrivals(arrivals: Sequence[Arrival]) -> Iterator[Arrival]:
    seen: set[int] = set()
    for arrival in arrivals:
        if arrival.person not in seen:
            seen.add(arrival.person)
            yield arrival


def _hold_ms(arrival: Arrival, leases: Leases) -> Iterator[int]:
    """For how long a slot was held; nothing where that was not seen to its end."""
    match arrival:
        case Arrival(reached=Reached.SLOT):
            yield leases.before_phone_seconds * 1000
        case Arrival(reached=Reached.PHONE, phone_ms=int(phone_ms)):
            yield phone_ms + leases.after_code_seconds * 1000
        case Arrival(phone_ms=int(phone_ms), code_ms=int(code_ms), service_ms=int(service_ms)):
            yield phone_ms + code_ms + service_ms


def _most_within(times_ms: Sequence[int], window_ms: float) -> int:
    """The most events that any window of this length has; times are ascending."""
    most, window = 0, deque[int]()
    for at_ms in times_ms:
        window.append(at_ms)
        while window[0] <= at_ms - window_ms:
            window.popleft()
        most = max(most, len(window))
    return most
