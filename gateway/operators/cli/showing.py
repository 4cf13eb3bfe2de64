"""How answers look: tables and lines for people, one line of JSON for scripts."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import rich_click as click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.domain.calendar import ALMATY

# What is not known, which is not the same as zero.
UNKNOWN = "–"

# Where nobody looks at the other end, nothing is cut off to fit a screen.
_PIPE_WIDTH = 240


def show(answer: object, shown: RenderableType, *, as_json: bool) -> None:
    """Print `answer` as JSON, or what is `shown` to people."""
    if as_json:
        click.echo(msgspec.json.encode(answer))
    else:
        console().print(shown)


def console() -> Console:
    plain = Console(highlight=False, markup=False, emoji=False)
    if plain.is_terminal:
        return plain
    return Console(highlight=False, markup=False, emoji=False, width=_PIPE_WIDTH)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Columns whose names end with a space hold numbers."""
    found = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        found.add_column(name.strip(), justify="right" if name.endswith(" ") else "left", overflow="fold")
    for row in rows:
        found.add_row(*(cell if isinstance(cell, Text) else clean(cell) for cell in row))
    return found


def pairs(rows: Iterable[tuple[str, object]]) -> Table:
    found = Table.grid(padding=(0, 2))
    found.add_column(style="dim", no_wrap=True)
    found.add_column(overflow="fold")
    for name, value in rows:
        found.add_row(name, value if isinstance(value, Text) else clean(value))
    return found


def clean(value: object) -> str:
    """What others wrote must not steer a terminal."""
    if value is None:
        return UNKNOWN
    return "".join(character if character.isprintable() else "�" for character in str(value))


def planned(value: object) -> str:
    return "as in the file" if value is None else word(value)


def number(value: float | None, digits: int = 0) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}".replace(",", "\u202f")


def moment(at: int | str | None) -> str:
    """Write epoch milliseconds, or RFC 3339, as a clock on the wall in Almaty shows it."""
    if at is None:
        return UNKNOWN
    there = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at // 1000, ALMATY)
    return there.astimezone(ALMATY).strftime("%Y-%m-%d %H:%M:%S")


def word(value: object) -> str:
    """Write a control's value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else clean(value) or '""'


def span(seconds: float | None) -> str:
    """Write `40 s`, `12 min` or `2 h 05 min`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 100:  # noqa: PLR2004 - Up to here seconds are read more easily.
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"  # noqa: PLR2004 - The same.
