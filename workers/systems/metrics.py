"""What is counted of every call to a state system, whichever client makes it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache

from gateway.counting import LEDGER, Count, Spread
from workers.systems.errors import (
    HELD,
    StaleToken,
    System,
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
)

# From a system in the next room to the longest deadline that settings allow.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class CallOutcome(StrEnum):
    """How a call ends, beside the reasons in `errors.py`."""

    ANSWERED = "answered"
    STALE_TOKEN = "stale_token"  # noqa: S105 - The name of an outcome.
    # We ended it ourselves: the time of its job was over, or the worker stops.
    BROKEN_OFF = "broken_off"


@contextmanager
def measured(system: System) -> Iterator[None]:
    """Count one call and its time; what is raised says how it went."""
    began_at, outcome = time.perf_counter(), CallOutcome.BROKEN_OFF.value
    try:
        yield
        outcome = CallOutcome.ANSWERED.value
    except (SystemUnavailable, SystemAnsweredWrong) as failure:
        outcome = failure.reason.value
        raise
    except StaleToken:
        outcome = CallOutcome.STALE_TOKEN.value
        raise
    finally:
        _calls(system, outcome).add()
        _durations(system).add(time.perf_counter() - began_at)


def begin_counting() -> None:
    """Begin at nothing, so that the first call is seen as a rise."""
    for system in System:
        _calls(system, CallOutcome.ANSWERED)
        _durations(system)
        for reason in HELD:
            held(system, reason)


# As many as systems and outcomes, so the caches need no bound.
@cache
def _calls(system: System, outcome: str) -> Count:
    return LEDGER.count(
        "qabyldau_system_calls_total",
        "Calls of workers to state systems, by how they ended.",
        system=system.value,
        outcome=outcome,
    )


@cache
def held(system: System, reason: UnavailableReason) -> Count:
    """For the calls that a gate does not let through."""
    return LEDGER.count(
        "qabyldau_system_calls_held_total",
        "Calls to state systems that workers put off, by why.",
        system=system.value,
        reason=reason.value,
    )


@cache
def _durations(system: System) -> Spread:
    return LEDGER.spread(
        "qabyldau_system_call_seconds",
        "From asking a state system to its whole answer, or to the deadline.",
        _SECONDS,
        system=system.value,
    )
