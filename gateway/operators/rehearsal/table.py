"""A report for people to read."""

from collections.abc import Iterator

from gateway.operators.rehearsal.figures import Figures
from gateway.operators.rehearsal.report import Report

_WIDTH = 34


def table(report: Report) -> str:
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield (
        f"{report.programme}: {report.visits} visits of {report.people} people "
        f"in {_time(report.lasted_seconds)}, recorded from the {report.source}"
    )
    columns = [report.in_force, *([report.rehearsed] if report.rehearsed else [])]
    yield ""
    yield _row("", ["in force", *(["rehearsed"] if report.rehearsed else [])])
    for name, values in _rows(report, columns):
        yield _row(name, values)
    yield ""
    yield from _recommendation(report)
    yield ""
    yield "This holds as far as"
    yield from (f"  - {assumption}" for assumption in report.assumptions)


def _rows(report: Report, columns: list[Figures]) -> Iterator[tuple[str, list[str]]]:
    yield "limit", [f"{one.limit}" for one in columns]
    for name, value in report.changes.items():
        if name != "limit":
            yield name, ["", f"{value}"]
    yield "told to wait", [f"{one.told_to_wait}" for one in columns]
    yield "wait of half of them, at most", [_time(one.wait_p50_seconds) for one in columns]
    if report.recorded_wait_p50_seconds is not None:
        yield "  and while recording", [_time(report.recorded_wait_p50_seconds)]
    yield "wait of nine in ten, at most", [_time(one.wait_p90_seconds) for one in columns]
    yield "most waiting at once", [f"{one.most_waiting}" for one in columns]
    yield "most slots taken at once", [f"{one.most_live}" for one in columns]
    yield "accepted", [f"{one.accepted}" for one in columns]
    yield "never came in", [f"{one.never_in}" for one in columns]
    yield "leases that ran out too early", [f"{one.lapsed}" for one in columns]
    for code in sorted({code for one in columns for code in one.refusals}):
        yield f"refused: {code}", [f"{one.refusals.get(code, 0)}" for one in columns]
    yield "codes sent", [f"{one.codes_sent}" for one in columns]
    if report.in_force.sms_cost is not None:
        yield "SMS cost", [f"{one.sms_cost:.2f}" for one in columns]
    yield "empty after the last arrival", [_time(one.drain_seconds) for one in columns]


def _recommendation(report: Report) -> Iterator[str]:
    one = report.recommendation
    yield f"Nobody would wait with a limit of {one.limit}: that is L = λW,"
    yield f"  λ = {one.arrivals_per_second:.2f} people a second at the busiest,"
    yield f"  W = {one.hold_seconds:.1f} s of a slot each, {one.service_seconds:.1f} s of it in the workers."
    yield f"Had they come evenly, {one.limit_on_average} would have done. This takes for granted:"
    yield from (f"  - {assumption}" for assumption in one.assumptions)


def _row(name: str, values: list[str]) -> str:
    return f"{name:<{_WIDTH}}{''.join(f'{value:>14}' for value in values)}".rstrip()


def _time(seconds: float | None) -> str:
    """Seconds while these are few, then minutes, then hours."""
    if seconds is None:
        return "-"
    if seconds < 120:  # noqa: PLR2004 - two minutes.
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 120 else f"{minutes / 60:.1f} h"  # noqa: PLR2004 - two hours.
