"""Charts without a library: the plot stretches with the page, while text and lines keep their size."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

from msgspec import Struct

# The plot's own width; the page stretches it to whatever there is.
_WIDTH = 1_000

# Points farther apart than this many of the usual distances are not joined: nothing is known between them.
_GAP = 2.5

# What is marked nearer to each other than this part of the axis shares a mark.
_NEAR = 0.03

Point = tuple[float, float]


class Scale(Struct, frozen=True):
    """From `first` to `last`, with `ticks` between; a logarithmic one begins above 0."""

    first: float
    last: float
    ticks: tuple[float, ...]
    is_logarithmic: bool = False

    def share(self, value: float) -> float:
        """Return where a value lies, 0 to 1; what lies beyond is put on the edge."""
        value = min(max(value, self.first), self.last)
        if self.is_logarithmic:
            return log10(value / self.first) / log10(self.last / self.first)
        return (value - self.first) / (self.last - self.first)


class Line(Struct, frozen=True):
    """`style` names a class of the style sheet, with a dash of its own; `is_area` fills what is below."""

    name: str
    style: str
    points: Sequence[Point]
    is_area: bool = False


class Mark(Struct, frozen=True):
    at: float
    label: str


class Chart(Struct, frozen=True, kw_only=True):
    """`told` says in words what is to be seen. `shaded_from`: a part of the x axis that is another time.

    `under` is drawn below the lines, in the plot's own coordinates.
    """

    key: str
    title: str
    told: str
    x: Scale
    y: Scale
    x_unit: str
    y_unit: str
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    shaded_from: float | None = None
    height: int = 180
    step: float = 1.0
    are_dots: bool = False
    under: str = ""


def level(most: float, count: int = 4) -> Scale:
    """Return a scale from 0 up to a round number that is no less than `most`."""
    most = max(most, 1)
    rough = most / count
    unit = 10 ** floor(log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    step = max(step, 1)
    last = ceil(most / step)
    return Scale(0, step * last, tuple(step * n for n in range(last + 1)))


def logarithmic(values: Iterable[float]) -> Scale:
    """Return a scale of whole decades around all values, of which there is one at least."""
    known = [max(value, 0.01) for value in values]
    first, last = floor(log10(min(known))), ceil(log10(max(known)))
    last = max(last, first + 1)
    return Scale(10.0**first, 10.0**last, tuple(10.0**n for n in range(first, last + 1)), is_logarithmic=True)


def seconds_up_to(last: float) -> Scale:
    """Return a time axis that ends where time does, not at the next round number."""
    scale = level(last, 8)
    return Scale(0, max(last, 1), tuple(tick for tick in scale.ticks if tick <= last))


def number_marks(seconds: Sequence[float], length: float) -> list[Mark]:
    """Number what happened in its order, on an axis of this length."""
    marks, first = [], 0
    for number in range(len(seconds)):
        is_last = number + 1 == len(seconds)
        if is_last or seconds[number + 1] - seconds[first] > length * _NEAR:
            label = f"{first + 1}" if first == number else f"{first + 1}\N{EN DASH}{number + 1}"
            marks.append(Mark(seconds[first], label))
            first = number + 1
    return marks


def draw(chart: Chart) -> str:
    """Return a figure: heading, words, key and picture; without lines only heading and words."""
    title, told = escape(chart.title), escape(chart.told)
    if not chart.lines:
        return f"<h3>{title}</h3><p>{told}</p>"
    names = f"{chart.key}-title {chart.key}-told"
    return "\n".join(
        [
            f'<figure class="chart" id="{chart.key}">',
            f'<figcaption><h3 id="{chart.key}-title">{title}</h3>',
            f'<p id="{chart.key}-told">{told}</p></figcaption>',
            _key(chart.lines, are_dots=chart.are_dots),
            f'<p class="unit" aria-hidden="true">{escape(chart.y_unit)}</p>',
            f'<svg class="plot" height="{chart.height}" role="img" aria-labelledby="{names}">',
            f"<title>{title}</title><desc>{told}</desc>",
            *_grid(chart),
            _plot(chart),
            *_mark_labels(chart),
            "</svg>",
            f'<p class="unit below" aria-hidden="true">{escape(chart.x_unit)}</p>',
            "</figure>",
        ]
    )


def place(chart_x: Scale, chart_y: Scale, height: int, points: Iterable[Point]) -> list[Point]:
    """Return where points lie in the plot's own coordinates."""
    return [
        (round(chart_x.share(x) * _WIDTH, 1), round((1 - chart_y.share(y)) * height, 1)) for x, y in points
    ]


def path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def short(value: float) -> str:
    return f"{value:,.10g}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _plot(chart: Chart) -> str:
    parts = [
        f'<svg width="100%" height="100%" viewBox="0 0 {_WIDTH} {chart.height}" preserveAspectRatio="none">'
    ]
    if chart.shaded_from is not None:
        left = chart.x.share(chart.shaded_from) * _WIDTH
        parts.append(
            f'<rect class="after" x="{left:.1f}" width="{_WIDTH - left:.1f}" height="{chart.height}"/>'
        )
    parts.append(chart.under)
    for line in chart.lines:
        parts += _dots(chart, line) if chart.are_dots else _strokes(chart, line)
    for mark in chart.marks:
        x = chart.x.share(mark.at) * _WIDTH
        parts.append(f'<path class="mark" d="M{x:.1f} 0V{chart.height}"/>')
    return "\n".join([*filter(None, parts), "</svg>"])


def _strokes(chart: Chart, line: Line) -> Iterable[str]:
    for piece in _pieces(line.points, chart.step * _GAP):
        placed = place(chart.x, chart.y, chart.height, piece)
        if line.is_area:
            closed = f"{path(placed)}L{placed[-1][0]:g} {chart.height}L{placed[0][0]:g} {chart.height}Z"
            yield f'<path class="area {line.style}" d="{closed}"/>'
        yield f'<path class="line {line.style}" d="{path(placed)}h0"/>'


def _dots(chart: Chart, line: Line) -> Iterable[str]:
    """A line without length has round ends, and is not stretched with the plot."""
    placed = place(chart.x, chart.y, chart.height, line.points)
    if placed:
        yield f'<path class="dots {line.style}" d="{"".join(f"M{x:g} {y:g}h0" for x, y in placed)}"/>'


def _pieces(points: Sequence[Point], most: float) -> list[list[Point]]:
    pieces = [list(points[:1])] if points else []
    for before, point in pairwise(points):
        if point[0] - before[0] > most:
            pieces.append([])
        pieces[-1].append(point)
    return pieces


def _grid(chart: Chart) -> Iterable[str]:
    for tick in chart.y.ticks:
        y = f"{(1 - chart.y.share(tick)) * 100:.2f}%"
        yield f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        yield f'<text x="-8" y="{y}" dy="0.35em" text-anchor="end">{short(tick)}</text>'
    for tick in chart.x.ticks:
        x = f"{chart.x.share(tick) * 100:.2f}%"
        yield f'<text x="{x}" y="{chart.height + 18}" text-anchor="middle">{short(tick)}</text>'


def _mark_labels(chart: Chart) -> Iterable[str]:
    for mark in chart.marks:
        x = f"{chart.x.share(mark.at) * 100:.2f}%"
        yield f'<text class="mark-label" x="{x}" y="-6" text-anchor="middle">{escape(mark.label)}</text>'


def _key(lines: Iterable[Line], *, are_dots: bool) -> str:
    """Show each line as it is drawn: dashes tell them apart where colours do not."""
    shape, form = ("M13 6h0", "dots") if are_dots else ("M1 6h24", "line")
    items = (
        '<li><svg width="26" height="12" aria-hidden="true">'
        f'<path class="{form} {line.style}" d="{shape}"/></svg>{escape(line.name)}</li>'
        for line in lines
    )
    return f'<ul class="key">{"".join(items)}</ul>'
