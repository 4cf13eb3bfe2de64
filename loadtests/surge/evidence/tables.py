"""Tables: what the charts say, in figures."""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

from loadtests.surge.evidence.rows import Row
from loadtests.surge.figures import Figures, Latency
from loadtests.surge.ledger import Step

# A table of a run that is still read.
MOST_ROWS = 30

_STEPS = {
    Step.READ: "open the page",
    Step.PRECHECK: "check the form",
    Step.SUBMIT: "send the form",
    Step.POLL: "ask about the place in line",
    Step.PHONE: "give the phone",
    Step.SMS: "wait for the SMS",
    Step.CONFIRM: "enter the code",
    Step.LOOK: "look how the case goes",
}


class Table(Struct, frozen=True):
    """The first column names its row; the others are figures, or words when `is_words`."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_words: bool = False


def render(table: Table) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.heads)
    rows = "\n".join(_row(row) for row in table.rows)
    style = ' class="words"' if table.is_words else ""
    caption = escape(table.caption)
    # Whoever uses a keyboard can scroll what is wider than the screen; the caption stays where it is.
    return (
        f'<figure class="table"><figcaption>{caption}</figcaption>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}">'
        f"<table{style}><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div></figure>"
    )


def latencies_by_step(figures: Figures) -> Table:
    rows = []
    for name, found in sorted(figures.latencies.items(), key=lambda item: _order(item[0])):
        step, _, answer = name.partition(" ")
        rows.append((_STEPS[Step(step)], answer or "came", *_latency(found)))
    heads = ("What people did", "Answer", "Count", "p50", "p90", "p99", "p99.9", "Longest")
    return Table("Latency by step, in milliseconds from the intended start", heads, rows)


def over_time(rows: Sequence[Row]) -> Table:
    heads = (
        "Second", "Offered /s", "Arrived /s", "Admitted /s", "Told full /s", "Refused /s",
        "Waiting", "Slots taken", "Limit", "p50 ms", "p90 ms", "p99 ms",
    )  # fmt: skip
    told = [
        (
            f"{row.second}",
            *(f"{value:.1f}" for value in (row.offered, row.arrived, row.admitted, row.full, row.refused)),
            *(_known(value) for value in (row.waiting, row.in_process, row.limit)),
            *(_known(value) for value in (row.p50_ms, row.p90_ms, row.p99_ms)),
        )
        for row in rows
    ]
    caption = f"The charts in figures, {rows[0].seconds} s a row; the CSV has every second"
    return Table(caption, heads, told)


def counts(caption: str, heads: tuple[str, str], counted: dict[str, int]) -> Table:
    rows = [(name.replace("_", " "), thousands(count)) for name, count in counted.items()]
    return Table(caption, heads, rows)


def percent(share: float) -> str:
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


def thousands(count: float) -> str:
    return f"{count:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _latency(found: Latency) -> tuple[str, ...]:
    return (
        thousands(found.count),
        *map(_known, (found.p50_ms, found.p90_ms, found.p99_ms, found.p999_ms, found.most_ms)),
    )


def _known(value: float | None) -> str:
    if value is None:
        return "\N{EN DASH}"
    return thousands(value) if value >= 10 or value == int(value) else f"{value:.1f}"  # noqa: PLR2004


def _order(name: str) -> tuple[int, str]:
    """Put the steps in the order of a visit."""
    step, _, answer = name.partition(" ")
    return list(_STEPS).index(Step(step)), answer


def _row(row: Sequence[str]) -> str:
    name, *others = (escape(cell) for cell in row)
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
