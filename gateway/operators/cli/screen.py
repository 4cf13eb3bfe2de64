"""A programme on a terminal, at one look. What is not known is a dash, never a zero."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.domain.controls import Mode
from gateway.operators.cli.audit import line_text
from gateway.operators.cli.showing import UNKNOWN, clean, moment, number, span
from gateway.operators.sampling import Sample
from gateway.operators.states import State
from gateway.register.chain import AuditLine

# From here on the slots are nearly, or all, taken.
_FULL_SHARE, _BUSY_SHARE = 0.98, 0.8

# Lines longer than this are lost on a wide screen.
_WIDEST = 110

_BAR_WIDTH = 40
_MOST_BARS = 60
_BARS = "▁▂▃▄▅▆▇█"

_SYSTEM_STYLES = {"up": "green", "slow": "yellow", "down": "bold red"}


def page(
    states: Iterable[State], history: Mapping[str, Sequence[Sample]], lines: list[AuditLine] | None
) -> Group:
    """Show each programme, and the newest lines of the audit trail; None: the register does not answer."""
    panels: list[RenderableType] = [_programme(state, history.get(state.programme, ())) for state in states]
    if lines is None:
        return Group(*panels, Text("The register does not answer.", style="bold red"))
    return Group(*panels, *map(line_text, lines))


def _programme(state: State, samples: Sequence[Sample]) -> Constrain:
    title = Text.assemble(f"{state.programme} ", (f" {state.mode or UNKNOWN} ", _mode_style(state.mode)))
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    if not state.store_up:
        rows.add_row("redis", Text("does not answer: nobody is let in", style="bold red"))
    elif state.limit is None:
        rows.add_row("", "No gateway has served this programme yet.")
    else:
        for name, shown in _rows(state, samples):
            rows.add_row(name, shown)
    panel = Panel(rows, title=title, title_align="left", subtitle=moment(state.at), subtitle_align="right")
    return Constrain(panel, _WIDEST)


def _rows(state: State, samples: Sequence[Sample]) -> list[tuple[str, RenderableType]]:
    sample = state.sample
    return [
        ("slots", _slots(state)),
        ("", _slots_in_words(state)),
        ("waiting", _waiting(state)),
        ("a second", _rates(sample)),
        ("refused", _refusals(sample.refusals)),
        ("arrivals", _bars([one.arrivals for one in samples][-_MOST_BARS:])),
        ("queues", _queues(state)),
        ("systems", _systems(state)),
        ("sms", _sms(state)),
        ("alive", f"{number(state.gateways_alive)} gateways · {number(state.workers_alive)} workers"),
    ]


def _slots(state: State) -> Table:
    live, limit = state.live or 0, state.limit or 0
    share = live / limit if limit else 1.0
    style = "red" if share >= _FULL_SHARE else "yellow" if share >= _BUSY_SHARE else "green"
    bar = ProgressBar(total=max(limit, 1), completed=min(live, limit) or int(not limit), width=_BAR_WIDTH)
    bar.complete_style = bar.finished_style = style
    row = Table.grid(padding=(0, 1))
    row.add_row(bar, Text(f"{number(live)} of {number(limit)}", style="bold"), f"{share * 100:.0f} %")
    return row


def _slots_in_words(state: State) -> str:
    return (
        f"{number(state.confirmed)} confirmed · {number(state.unconfirmed)} not yet · "
        f"most ever {number(state.high)} · accepted {number(state.accepted)}"
    )


def _waiting(state: State) -> str:
    return (
        f"{number(state.waiting)} (front row {number(state.front_row_waiting)}) · "
        f"called, slot kept {number(state.reserved)} · "
        f"ETA {span(state.eta_seconds)}, one in ten over {span(state.eta_p90_seconds)}"
    )


def _rates(sample: Sample) -> str:
    names = ("arrivals", "admissions", "accepted", "forwarded", "called", "missed")
    return " · ".join(f"{name} {number(getattr(sample, name), 1)}" for name in names)


def _refusals(refusals: Mapping[str, float] | None) -> str:
    if refusals is None:
        return UNKNOWN
    most_first = sorted(refusals.items(), key=lambda pair: -pair[1])
    return " · ".join(f"{clean(code)} {number(rate, 1)}" for code, rate in most_first if rate) or "nobody"


def _bars(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return UNKNOWN
    highest = max(known)
    drawn = "".join(" " if value is None else _bar(value, highest) for value in values)
    return f"{drawn}  at most {number(highest, 1)}"


def _bar(value: float, highest: float) -> str:
    return _BARS[min(int(value / highest * len(_BARS)), len(_BARS) - 1)] if highest else _BARS[0]


def _queues(state: State) -> str:
    if state.queues is None:
        return UNKNOWN
    return " · ".join(
        f"{clean(name)} {number(one.jobs)} (oldest {span(one.oldest_seconds)})"
        for name, one in state.queues.items()
    )


def _systems(state: State) -> Text:
    if not state.systems:
        return Text(UNKNOWN)
    told = [
        Text.assemble(
            f"{clean(name)} ",
            (one.state, _SYSTEM_STYLES.get(one.state, "dim")),
            f" {number(one.calls_per_second, 1)}/s",
            f" p95 {number(one.p95_ms)} ms",
            f" errors {number(one.errors_percent, 1)} %",
            _breaker(one.breaker),
        )
        for name, one in state.systems.items()
    ]
    return Text("\n").join(told)


def _breaker(breaker: str | None) -> tuple[str, str]:
    """Nothing while it is closed, as it nearly always is."""
    return ("", "") if breaker in {None, "closed"} else (f" breaker {breaker}", "bold red")


def _sms(state: State) -> str:
    sms = state.sms
    return (
        f"{number(sms.sent)} sent · {number(sms.confirmed)} confirmed ({number(sms.confirmed_percent, 1)} %)"
    )


def _mode_style(mode: str | None) -> str:
    return "bold green" if mode == Mode.OPEN else "bold reverse yellow"
