"""The page that sets both sides beside each other: one figure a claim, with how it was counted."""

from collections.abc import Callable

from loadtests.surge.comparison_sides import Points, Side
from loadtests.surge.evidence.asked import definitions, describe_machine
from loadtests.surge.evidence.document import document, section
from loadtests.surge.evidence.drawing import (
    Chart,
    Line,
    Scale,
    draw,
    level,
    logarithmic,
    number_marks,
    seconds_up_to,
)
from loadtests.surge.evidence.tables import Table, render, thousands
from loadtests.surge.run import Run

_WORDS = (
    "The naive stack is what most would write: FastAPI and slowapi, a counter in Redis for the slots, "
    "<code>enqueue_job</code>, a stock arq worker that gives the slot back when done. It has no waiting "
    "room, no phone to confirm and no SMS, so it does less for each person; who is told “full” tries again "
    "after about two seconds. Both sides have the same people at the same moments, the same limit, the same "
    "stand-ins of the state systems and a Redis that writes to disk before it answers. Left out on both "
    "sides: wrong forms, forms sent to be checked first, and people who vanish before they confirm."
)


# The claim, its figure of a side under a limit, and how it was counted.
_CLAIMS: tuple[tuple[str, Callable[[Side, int], object], str], ...] = (
    (
        "Admitted above the limit",
        lambda side, limit: side.above(limit),
        (
            "the most in process in any second, less the limit: jobs in arq's queue there, the service's own "
            "figure here"
        ),
    ),
    (
        "Accepted and lost",
        lambda side, _: side.lost,
        (
            "told “accepted” in the client's book, but at the end neither at E-Maket, nor refused by the "
            "state, nor in a queue"
        ),
    ),
    (
        "Accepted and still not done",
        lambda side, _: side.not_yet,
        "in a queue at the end of the run: arq gives back the jobs of a killed worker after 310 seconds",
    ),
    (
        "Slots that nobody uses any more",
        lambda side, _: side.left_taken,
        "counted as taken at the end, less what is in process",
    ),
    (
        "People handed over twice",
        lambda side, _: side.handed.people_twice,
        "people with more than one application at E-Maket, by its stand-in's book",
    ),
    (
        "People accepted",
        lambda side, _: thousands(side.seen.people),
        "distinct people in the client's book; a code confirmed here, a 202 there",
    ),
    (
        "Goodput, people a second",
        lambda side, _: _figure(side.seen.goodput_per_second),
        "each person once, the middle four fifths of them",
    ),
    (
        "p99 of the form, ms",
        lambda side, _: thousands(side.seen.p99_ms),
        "every answer to the form, refusals too, from the moment the person meant to send it",
    ),
    (
        "Forms that went wrong",
        lambda side, _: thousands(side.seen.unexpected),
        (
            "no connection, nothing within 15 seconds, or an error that is no refusal; the gateway was "
            "killed once"
        ),
    ),
    (
        "Generator late, p99, ms",
        lambda side, _: thousands(side.seen.late_p99_ms),
        "how much later than meant forms were sent; above 500 the times say little",
    ),
)


def comparison_page(run: Run, per_second: float, ours: Side, theirs: Side) -> str:
    profile = run.profile
    peak = max(point.multiple for point in profile.curve) * per_second
    measured = "measured just before" if run.capacity.answers_per_second else "as it was given, not measured"
    asked = {
        "Profile": f"{profile.name}: {profile.description}",
        "Offered": f"up to {peak:.3g} people a second, "
        f"{peak / run.capacity.people_per_second:.3g} × the capacity of Qabyldau, {measured}",
        "Limit": f"{thousands(profile.limit)} slots",
        "Broken": "; ".join(f"{fault} in second {fault.at_seconds:g}" for fault in profile.faults)
        + "; each is started again at once, and is numbered on the charts",
    }
    parts = [
        "<header><h1>The announcement, in front of Qabyldau and of a naive stack</h1></header>",
        render(_claims(ours, theirs, profile.limit)),
        section("What was compared", f"<p>{_WORDS}</p>", definitions(asked)),
        section("What happened", *(draw(chart) for chart in _charts(run, ours, theirs))),
        section(
            "Where and how",
            describe_machine(run),
            "<p>The naive stack is pinned in <code>loadtests/bench/peers/requirements.txt</code>.</p>",
            "<pre><code>python -m loadtests.surge.comparison</code></pre>",
        ),
    ]
    return document("Qabyldau and a naive stack", parts)


def _claims(ours: Side, theirs: Side, limit: int) -> Table:
    rows = [
        (claim, str(figure(theirs, limit)), str(figure(ours, limit)), how) for claim, figure, how in _CLAIMS
    ]
    heads = ("Claim", "Naive stack", "Qabyldau", "How it was counted")
    return Table("One figure a claim", heads, rows, is_words=True)


def _charts(run: Run, ours: Side, theirs: Side) -> list[Chart]:
    accepted = (ours.seen.accepted, theirs.seen.accepted)
    p99s = (ours.seen.p99s, theirs.seen.p99s)
    taken = (ours.taken, theirs.taken)
    limit = run.profile.limit
    x = seconds_up_to(max(x for pair in (accepted, p99s, taken) for points in pair for x, _ in points))

    def chart(title: str, told: str, unit: str, y: Scale, pair: tuple[Points, Points], *more: Line) -> Chart:
        mine, other = pair
        return Chart(
            key=title.lower().replace(" ", "-"),
            title=title,
            told=told,
            x=x,
            y=y,
            x_unit="seconds since the first arrival was due",
            y_unit=unit,
            lines=[Line("Qabyldau", "ours", mine), Line("naive stack", "theirs", other), *more],
            marks=number_marks([fault.at_seconds for fault in run.profile.faults], x.last),
            shaded_from=run.profile.duration_seconds,
        )

    per_second = level(_most(accepted))
    milliseconds = logarithmic(y for points in p99s for _, y in points)
    applications = level(max(_most(taken), limit))
    line = Line("limit", "limit", [(second, limit) for second in range(int(x.last) + 1)])
    return [
        chart("People accepted", "Each person once.", "people per second", per_second, accepted),
        chart(
            "p99 of the form",
            "By the second in which people meant to send it.",
            "milliseconds, logarithmic",
            milliseconds,
            p99s,
        ),
        chart(
            "In process at once", "The limit is the same for both.", "applications", applications, taken, line
        ),
    ]


def _most(pair: tuple[Points, Points]) -> float:
    return max((y for points in pair for _, y in points), default=0)


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"
