"""What the HTTP layer counts. Labels are templates and codes of ours, never what somebody sent."""

from enum import StrEnum
from functools import cache

from gateway.counting import LEDGER, Count, Spread
from gateway.domain.case import State
from gateway.inflight.confirmation import ConfirmOutcome, PhoneOutcome

# From an answer out of memory to the deadline of a body that does not arrive.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Shed(StrEnum):
    """Why a request was refused before its body was read."""

    ADDRESS = "address"
    OVERLOAD = "overload"


def count_request(route: str, method: str, status: int, problem: str | None, seconds: float) -> None:
    """Count an answered request. `route` is a template, `method` one that we know or "other"."""
    _requests(route, method, status, problem).add()
    _durations(route).add(seconds)


def count_shed(reason: Shed) -> None:
    """Count what was refused unread, beside its answer as any other request."""
    _shed(reason).add()


def count_unexpected() -> None:
    """Count an error that nobody foresaw, beside its answer."""
    _unexpected().add()


def count_code_asked(programme: str, outcome: PhoneOutcome) -> None:
    """Count a phone that was given, which asks for a code."""
    _codes_asked(programme, outcome).add()


def count_confirmation(programme: str, outcome: ConfirmOutcome) -> None:
    """Count a code that somebody sent. A repeat of the right one is accepted again."""
    _confirmations(programme, outcome).add()


def count_decision(programme: str, decision: State) -> None:
    """Count a decision when it is first told."""
    _decisions(programme, decision).add()


def begin_counting() -> None:
    """Begin at nothing, so that the first of a kind is seen as a rise. Call it once the ledger is open."""
    for reason in Shed:
        _shed(reason)
    _unexpected()


# As many as routes, methods and codes allow, so the caches need no bound.
@cache
def _requests(route: str, method: str, status: int, problem: str | None) -> Count:
    return LEDGER.count(
        "qabyldau_http_requests_total",
        "Requests by route template, method, class of status and code of the problem, if it was one.",
        route=route,
        method=method,
        # Nothing was answered when the client left first.
        status=f"{status // 100}xx" if status else "none",
        problem=problem or "",
    )


@cache
def _durations(route: str) -> Spread:
    return LEDGER.spread(
        "qabyldau_http_request_seconds",
        "From the request's headers to the end of its answer.",
        _SECONDS,
        route=route,
    )


@cache
def _shed(reason: Shed) -> Count:
    return LEDGER.count(
        "qabyldau_http_shed_total", "Requests refused before their body was read.", reason=reason.value
    )


@cache
def _unexpected() -> Count:
    return LEDGER.count(
        "qabyldau_http_mistakes_total", "Requests that met an error nobody foresaw: mistakes of ours."
    )


@cache
def _codes_asked(programme: str, outcome: PhoneOutcome) -> Count:
    return LEDGER.count(
        "qabyldau_codes_asked_total",
        "Phones given, by whether a code was sent to the provider's queue, and if not, why.",
        programme=programme,
        outcome=outcome.name.lower(),
    )


@cache
def _confirmations(programme: str, outcome: ConfirmOutcome) -> Count:
    return LEDGER.count(
        "qabyldau_confirmations_total",
        "Codes sent back by applicants, by what became of them.",
        programme=programme,
        outcome=outcome.name.lower(),
    )


@cache
def _decisions(programme: str, decision: State) -> Count:
    return LEDGER.count(
        "qabyldau_decisions_total",
        "Decisions of the Fund, each when it was first told.",
        programme=programme,
        decision=decision.value,
    )
