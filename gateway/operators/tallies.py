"""What gateways and workers have counted, as far as those who watch need it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from gateway.counting import Role, Tally, count_alive, read_tallies

SUBMIT_ROUTE: Final = "/v1/programmes/{programme}/applications"

_REQUESTS = "qabyldau_http_requests"
_FINISHED = "qabyldau_cases_finished"
_MESSAGES = "qabyldau_messages"
_CALLS = "qabyldau_system_calls"
_CALL_SECONDS = "qabyldau_system_call_seconds"
_FAMILIES: Final = frozenset({_REQUESTS, _FINISHED, _MESSAGES, _CALLS, _CALL_SECONDS})

Tallies = Mapping[Tally, float]


class Counted(Struct, frozen=True):
    """`tallies` since each process began; of `alive` a role is missing while none has ever been here."""

    tallies: Tallies = {}
    alive: dict[Role, int] = {}


class Increase(Struct, frozen=True):
    """What was answered to submissions between two moments; `refusals` by code."""

    arrivals: float
    admissions: float
    refusals: dict[str, float]


def read_counted(counts_dir: Path) -> Counted:
    return Counted(read_tallies(counts_dir, _FAMILIES), count_alive(counts_dir))


def without_requests(tallies: Tallies) -> Tallies:
    return {tally: value for tally, value in tallies.items() if not tally.name.startswith(_REQUESTS)}


def grown(before: Tallies, after: Tallies) -> Tallies:
    """What each grew by. One that fell is of a process that began anew, and has counted all of it since."""
    return {
        tally: value - was if value >= (was := before.get(tally, 0.0)) else value
        for tally, value in after.items()
    }


def submissions_in(growth: Tallies) -> Increase | None:
    """Return None where no gateway has counted requests."""
    requests = [(labels, count) for labels, count in _of(growth, f"{_REQUESTS}_total")]
    if not requests:
        return None
    arrivals, admissions, refusals = 0.0, 0.0, dict[str, float]()
    for labels, count in requests:
        if labels["route"] != SUBMIT_ROUTE or labels["method"] != "POST":
            continue
        arrivals += count
        if labels["status"] == "2xx":
            admissions += count
        elif (problem := labels["problem"]) and count:
            refusals[problem] = refusals.get(problem, 0.0) + count
    return Increase(arrivals, admissions, refusals)


def forwarded_in(growth: Tallies, programme: str) -> float | None:
    return _total(growth, f"{_FINISHED}_total", programme=programme, state="forwarded")


def codes_sent_in(growth: Tallies, programme: str) -> float | None:
    return _total(growth, f"{_MESSAGES}_total", programme=programme, message="code", outcome="sent")


def calls_in(growth: Tallies) -> dict[tuple[str, str], float]:
    """By system and outcome."""
    return _sums(growth, f"{_CALLS}_total", "outcome")


def call_seconds_in(growth: Tallies) -> dict[tuple[str, str], float]:
    """By system and the upper bound of the bucket."""
    return _sums(growth, f"{_CALL_SECONDS}_bucket", "le")


def _sums(growth: Tallies, name: str, label: str) -> dict[tuple[str, str], float]:
    sums: dict[tuple[str, str], float] = {}
    for labels, count in _of(growth, name):
        key = labels["system"], labels[label]
        sums[key] = sums.get(key, 0.0) + count
    return sums


def _total(growth: Tallies, name: str, **wanted: str) -> float | None:
    """Return None where nobody has counted that."""
    found = [count for labels, count in _of(growth, name) if labels.items() >= wanted.items()]
    return sum(found) if found else None


def _of(growth: Tallies, name: str) -> Iterator[tuple[dict[str, str], float]]:
    return ((dict(tally.labels), count) for tally, count in growth.items() if tally.name == name)
