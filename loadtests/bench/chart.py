"""The figures that have a target, as bars: what was measured as a multiple of what was wanted."""

from collections.abc import Sequence
from html import escape

from loadtests.bench.figures import Figure
from loadtests.bench.report import number, target_of

_WIDTH, _ROW = 1_100, 34
_LABELS, _BARS, _MARGIN, _TOP = 520, 380, 16, 56

# Bars end here: who is far above a target gains nothing by being seen farther.
_MOST = 2.0

# Tell met from missed without colour: full bars with a tick, hatched bars with a cross.
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1b1f24 }
  .title { font-size: 17px; font-weight: 600 }
  .quiet { fill: #57606a }
  .met { fill: #1a7f5a }
  .missed { fill: url(#hatch); stroke: #b3361f; stroke-width: 1.5 }
  .goal { stroke: #1b1f24; stroke-width: 1.5; stroke-dasharray: 4 3 }
"""
_HATCH = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="7" height="7" fill="#fff"/>'
    '<line x1="0" y1="0" x2="0" y2="7" stroke="#b3361f" stroke-width="4"/></pattern></defs>'
)


def draw(figures: Sequence[Figure]) -> str:
    """Return a picture that stands alone; longer is better, and the dashed line is the target."""
    rows = [figure for figure in figures if figure.target is not None]
    height = _TOP + _ROW * len(rows) + 2 * _MARGIN
    goal = _LABELS + _BARS / _MOST
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        "<title>Measured against target</title>",
        f"<style>{_STYLE}</style>",
        _HATCH,
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="title" x="{_MARGIN}" y="26">Measured against target</text>',
        f'<text class="quiet" x="{goal:g}" y="{_TOP - 8}" text-anchor="middle">target</text>',
        *(_bar(figure, _TOP + _ROW * at) for at, figure in enumerate(rows)),
        f'<line class="goal" x1="{goal:g}" y1="{_TOP}" x2="{goal:g}" y2="{_TOP + _ROW * len(rows)}"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bar(figure: Figure, top: int) -> str:
    width = _BARS * min(_share(figure), _MOST) / _MOST
    style, mark = ("met", "✓ met") if figure.met else ("missed", "✗ missed")
    # A target of a ratio has no unit.
    unit = f" {figure.unit}" if figure.ratio is None else ""
    told = f"{number(figure.measured)}{unit} ({target_of(figure)}) {mark}"
    middle = top + _ROW * 0.65
    return "\n".join(
        [
            f'<text x="{_LABELS - 10}" y="{middle:g}" text-anchor="end">{escape(figure.name)}</text>',
            f'<rect class="{style}" x="{_LABELS}" y="{top + 7}" width="{width:.1f}" height="{_ROW - 14}"/>',
            f'<text x="{_LABELS + _BARS + 10}" y="{middle:g}">{escape(told)}</text>',
        ]
    )


def _share(figure: Figure) -> float:
    """Return how far the target was reached: 1 is just so, more is better, whichever way is better."""
    measured, target = figure.measured, figure.target or 0.0
    if not figure.at_most:
        return measured / target if target else _MOST
    return target / measured if measured > 0 else _MOST
