"""What was asked of a run, and whether it held."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from loadtests.surge.faults import Happened
from loadtests.surge.figures import Figures, Latency
from loadtests.surge.ledger import Outcome, Step
from loadtests.surge.profiles import Profile


class Verdict(Struct, frozen=True):
    """One check: whether it held, what was expected and what was found, in words; `detail`: where to look."""

    name: str
    held: bool
    expected: str
    found: str
    detail: str = ""


# Admitted after a wait or at once: what the person whose turn it is feels.
_ADMITTED = f"{Step.SUBMIT} 202"
_REFUSED = f"{Step.SUBMIT} full"


def judge_faults(profile: Profile, happened: Sequence[Happened]) -> list[Verdict]:
    """Judge the rehearsal itself: what did not break shows nothing."""
    if not profile.faults:
        return []
    done = [fault.what for fault in happened if not fault.error]
    errors = ", ".join(f"{fault.what}: {fault.error}" for fault in happened if fault.error)
    expected = [str(fault) for fault in profile.faults]
    return [Verdict("faults", done == expected, f"{len(expected)} as planned", str(len(done)), errors)]


def judge_generator(figures: Figures) -> Verdict:
    failed = figures.outcomes.get(Outcome.FAILED, 0)
    return Verdict(
        "generator", not failed, "0 mistakes of its own", str(failed), "" if not failed else "locust.log"
    )


def judge_thresholds(
    profile: Profile, figures: Figures, people_per_second: float, drained_in_seconds: float | None
) -> list[Verdict]:
    """Judge what the profile asks for; `people_per_second` is the measured capacity."""
    return list(_verdicts(profile, figures, people_per_second, drained_in_seconds))


def _verdicts(
    profile: Profile, figures: Figures, people_per_second: float, drained_in_seconds: float | None
) -> Iterator[Verdict]:
    asked = profile.thresholds
    goodput = figures.goodput_per_second
    multiple = None if goodput is None else goodput / people_per_second
    latencies = figures.latencies
    admitted, refused = latencies.get(_ADMITTED), latencies.get(_REFUSED)
    yield from _least("served", asked.least_served, figures.served_share, "of those who did all right")
    yield from _least("goodput", asked.least_goodput, multiple, "× capacity")
    yield from _most("admitted p99", asked.most_admitted_p99_ms, _p99_ms(admitted), "ms")
    if refused:
        yield from _most("refused p99", asked.most_refused_p99_ms, _p99_ms(refused), "ms")
    yield from _most(
        "ETA error", asked.most_eta_error, figures.eta_error, "at the median, waits from 30 s on"
    )
    yield from _most("generator late p99", asked.most_late_p99_ms, _p99_ms(figures.late), "ms")
    yield from _most("drained", asked.most_drain_seconds, drained_in_seconds, "s after the last arrival")


def _p99_ms(latency: Latency | None) -> float | None:
    return latency.p99_ms if latency else None


def _least(name: str, bound: float | None, found: float | None, unit: str) -> Iterator[Verdict]:
    if bound is not None:
        held = found is not None and found >= bound
        yield Verdict(name, held, f"≥ {bound:g} {unit}", _figure(found))


def _most(name: str, bound: float | None, found: float | None, unit: str) -> Iterator[Verdict]:
    if bound is not None:
        held = found is not None and found <= bound
        yield Verdict(name, held, f"≤ {bound:g} {unit}", _figure(found))


def _figure(found: float | None) -> str:
    return "never" if found is None else f"{found:.3g}" if found < 100 else f"{found:.0f}"  # noqa: PLR2004
