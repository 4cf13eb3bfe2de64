"""What docs/operators.md says of the controls is what they are."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import CONFIG_DIR
from gateway.domain.controls import Control, Kind, Mode, controls_of
from gateway.domain.programme import load_programme

PAGE = Path(__file__).parents[3] / "docs" / "operators.md"
CONTROLS = controls_of(load_programme(CONFIG_DIR / "programmes" / "42500.toml"))

_NAME = re.compile("`([^`]+)`")
_EACH_CATEGORY = "category_<name>_open"


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading."""
    section = PAGE.read_text().split(f"\n{heading}\n")[1].split("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def told() -> Iterator[tuple[str, list[str]]]:
    for names, *cells in rows("## What you may change"):
        for name in _NAME.findall(names):
            yield name, cells


def names_of(row_name: str) -> list[str]:
    if row_name != _EACH_CATEGORY:
        return [row_name]
    return [name for name in CONTROLS if name.startswith("category_")]


def range_of(control: Control) -> str:
    match control.kind:
        case Kind.BOOLEAN:
            return "on, off"
        case Kind.CHOICE:
            return " ".join(f"`{choice}`" for choice in control.choices)
        case Kind.TEXT:
            return f"≤ {control.highest} {control.unit}"
    return f"{control.lowest:,} – {control.highest:,} {control.unit}".replace(",", " ")


def test_the_page_has_every_control_once() -> None:
    found = [name for row_name, _ in told() for name in names_of(row_name)]

    assert sorted(found) == sorted(CONTROLS)


@pytest.mark.parametrize(("row_name", "cells"), list(told()), ids=[name for name, _ in told()])
def test_the_page_tells_its_range(row_name: str, cells: list[str]) -> None:
    assert {range_of(CONTROLS[name]) for name in names_of(row_name)} == {cells[0]}


def test_the_page_tells_what_the_file_has() -> None:
    cells_of = dict(told())
    for row in rows("## What you may change"):
        numbers = [CONTROLS[name].default for name in _NAME.findall(row[0]) if name in CONTROLS]
        if all(isinstance(number, int) and not isinstance(number, bool) for number in numbers) and numbers:
            assert ", ".join(f"{number:,}".replace(",", " ") for number in numbers) in row[2]
    closed = [name for name in names_of(_EACH_CATEGORY) if not CONTROLS[name].default]
    assert [f"category_{name}_open" for name in _NAME.findall(cells_of[_EACH_CATEGORY][1])] == closed


def test_the_page_explains_every_mode() -> None:
    assert [_NAME.findall(row[0])[0] for row in rows("## Modes")] == [mode.value for mode in Mode]
