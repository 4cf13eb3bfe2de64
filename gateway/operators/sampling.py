"""A programme second by second: what it did in each, from what was read at its ends. No clock in here."""

from collections.abc import Mapping

from msgspec import Struct

from gateway.http.eta import NO_ETA, Eta
from gateway.http.wire import rfc3339
from gateway.inflight.figures import Figures
from gateway.operators.tallies import Tallies, forwarded_in, grown, submissions_in
from gateway.operators.waits import Mark


class Reading(Struct, frozen=True):
    """What is known at a moment. `figures` is None while Redis is away or no gateway has served yet.

    `missed`: tickets called whose window is over and whose holders have not come since.
    """

    at_ms: int
    programme: str
    figures: Figures | None
    tallies: Tallies = {}
    missed: int | None = None
    is_store_up: bool = True
    eta: Eta = NO_ETA
    called_mark: Mark | None = None
    # By system, those that workers told of.
    breakers: Mapping[str, str] = {}


class Sample(Struct, frozen=True):
    """Counts as of `at`, and rates per second over the time since the sample before; None is unknown.

    `missed` is how many more there are: who comes late after all is taken off it.
    """

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
    """Tell what happened between two readings of a programme."""
    known: dict[str, object] = {}
    if now.figures:
        known |= {"live": now.figures.live, "limit": now.figures.limit, "waiting": waiting_of(now.figures)}
    if now.called_mark:
        known["eta_promised_seconds"] = now.called_mark.eta_seconds
        known["eta_waited_seconds"] = round((now.at_ms - now.called_mark.at_ms) / 1000)
    if before and now.at_ms > before.at_ms:
        seconds = (now.at_ms - before.at_ms) / 1000
        known |= _steps(before, now, seconds)
        known |= _answers(now.programme, grown(before.tallies, now.tallies), seconds)
    return Sample(rfc3339(now.at_ms), **known)  # type: ignore[arg-type]  # Each goes by its name.


def waiting_of(figures: Figures) -> int:
    return figures.line.waiting + figures.front_row.waiting


def called_of(figures: Figures) -> int:
    return figures.line.called + figures.front_row.called


def accepted_between(before: Reading, now: Reading) -> int | None:
    """Return None where it is unknown: a count that fell began anew, with what nobody knows."""
    if before.figures is None or now.figures is None:
        return None
    step = now.figures.accepted - before.figures.accepted
    return step if step >= 0 else None


def _steps(before: Reading, now: Reading, seconds: float) -> dict[str, object]:
    if before.figures is None or now.figures is None:
        return {}
    called = called_of(now.figures) - called_of(before.figures)
    return {
        "accepted": _rate(accepted_between(before, now), seconds),
        # As for who was accepted: another line.
        "called": _rate(called if called >= 0 else None, seconds),
        "missed": _rate(_more(before.missed, now.missed), seconds),
    }


def _more(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else max(now - before, 0)


def _answers(programme: str, growth: Tallies, seconds: float) -> dict[str, object]:
    known: dict[str, object] = {"forwarded": _rate(forwarded_in(growth, programme), seconds)}
    submissions = submissions_in(growth)
    if submissions is None:
        return known
    return known | {
        "arrivals": _rate(submissions.arrivals, seconds),
        "admissions": _rate(submissions.admissions, seconds),
        "refusals": {code: _rate(count, seconds) for code, count in submissions.refusals.items()},
    }


def _rate(count: float | None, seconds: float) -> float | None:
    return None if count is None else round(count / seconds, 2)
