"""A programme second by second: what it did in each, from what was read at its ends. No clock in here."""

from msgspec import Struct

from gateway.http.eta import NO_ETA, Eta
from gateway.http.wire import rfc3339
from gateway.inflight.figures import Figures
from gateway.operators.tallies import Submissions, increase
from gateway.operators.waits import Mark


class Reading(Struct, frozen=True):
    """What is known at a moment. `figures` is None while Redis is away or no gateway has served yet.

    `submissions` is None while no gateway has counted any, and where several programmes share the counts.
    """

    at_ms: int
    figures: Figures | None
    submissions: Submissions | None
    is_store_up: bool = True
    eta: Eta = NO_ETA
    called_mark: Mark | None = None


class Sample(Struct, frozen=True):
    """Counts as of `at`, and rates per second over the time since the sample before; None is unknown."""

    at: str
    live: int | None = None
    limit: int | None = None
    waiting: int | None = None
    arrivals: float | None = None
    admissions: float | None = None
    refusals: dict[str, float] | None = None
    accepted: float | None = None
    forwarded: float | None = None
    called: float | None = None
    missed: float | None = None
    eta_promised_seconds: int | None = None
    eta_waited_seconds: int | None = None


def take_sample(before: Reading | None, now: Reading) -> Sample:
    known: dict[str, object] = {}
    if now.figures:
        known |= {"live": now.figures.live, "limit": now.figures.limit, "waiting": waiting_of(now.figures)}
    if now.called_mark:
        known["eta_promised_seconds"] = now.called_mark.eta_seconds
        known["eta_waited_seconds"] = round((now.at_ms - now.called_mark.at_ms) / 1000)
    if before and now.at_ms > before.at_ms:
        seconds = (now.at_ms - before.at_ms) / 1000
        known |= _steps(before.figures, now.figures, seconds)
        known |= _answers(before.submissions, now.submissions, seconds)
    return Sample(rfc3339(now.at_ms), **known)  # type: ignore[arg-type]  # Each goes by its name.


def waiting_of(figures: Figures) -> int:
    return figures.line.waiting + figures.front_row.waiting


def called_of(figures: Figures) -> int:
    return figures.line.called + figures.front_row.called


def _steps(before: Figures | None, now: Figures | None, seconds: float) -> dict[str, object]:
    if before is None or now is None:
        return {}
    return {
        "accepted": _rate(now.accepted - before.accepted, seconds),
        "called": _rate(called_of(now) - called_of(before), seconds),
    }


def _answers(before: Submissions | None, now: Submissions | None, seconds: float) -> dict[str, object]:
    if before is None or now is None:
        return {}
    grown = increase(before, now)
    return {
        "arrivals": _rate(grown.arrivals, seconds),
        "admissions": _rate(grown.admissions, seconds),
        "refusals": {code: _rate(count, seconds) for code, count in grown.refusals.items()},
    }


def _rate(count: float, seconds: float) -> float | None:
    """Unknown when a count fell: it began anew, with what nobody knows."""
    return round(count / seconds, 2) if count >= 0 else None
