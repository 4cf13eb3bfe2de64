"""What the HTTP layer counts. Labels are templates and codes of ours, never what somebody sent."""

from enum import StrEnum
from functools import cache

from gateway.counting import LEDGER, Count, Spread

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
