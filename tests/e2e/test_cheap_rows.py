"""The rows of the fault table that take seconds; the others are `make chaos`."""

from pathlib import Path

import pytest

from loadtests.chaos.__main__ import discover
from loadtests.chaos.row import Row, Verdict

CHEAP = [row for row in discover() if row.cheap]


@pytest.mark.e2e
@pytest.mark.parametrize("row", CHEAP, ids=[f"row {row.number}" for row in CHEAP])
async def test_a_cheap_row_of_the_fault_table_holds(row: Row, tmp_path: Path) -> None:
    measured = await row.run(tmp_path)

    assert measured.verdict is not Verdict.BROKEN, measured.says


def test_every_row_says_how_it_was_seen_to_fail() -> None:
    assert [row.number for row in discover() if not row.broken_once] == []


def test_the_rows_are_named_after_their_numbers() -> None:
    files = Path(__file__).parents[2].joinpath("loadtests", "chaos", "rows").glob("row_*.py")

    assert sorted(int(path.name.split("_")[1]) for path in files) == [row.number for row in discover()]
