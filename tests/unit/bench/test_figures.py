import json
from pathlib import Path

import pytest

from loadtests.bench.figures import Figure, median_figure, ratio_figure, write_bench


def test_a_ratio_is_the_median_of_the_ratios_and_not_the_ratio_of_the_medians() -> None:
    # In the second repetition the whole machine was slow.
    figure = ratio_figure("ours", [(100, 50), (10, 10), (90, 30)], "/s", baseline="theirs", target=2.0)

    assert figure.ratio == 2.0
    assert figure.value == 90
    assert figure.met is True


@pytest.mark.parametrize(("least", "met"), [(2.9, True), (3.0, True), (3.1, False)])
def test_a_target_is_the_least_there_may_be(least: float, *, met: bool) -> None:
    assert median_figure("row", [9, 3, 1], "/s", target=least).met is met


@pytest.mark.parametrize(("most", "met"), [(2.9, False), (3.0, True), (3.1, True)])
def test_or_the_most(most: float, *, met: bool) -> None:
    assert median_figure("row", [9, 3, 1], "s", target=most, at_most=True).met is met


def test_a_target_is_one_of_the_ratio_where_there_is_a_ratio() -> None:
    assert Figure(name="row", value=5_000, unit="/s", baseline="other", ratio=0.5, target=1.0).met is False


def test_without_a_target_nothing_is_met_or_missed() -> None:
    assert median_figure("row", [1, 2], "s").met is None


def test_the_file_holds_these_members_and_no_others(tmp_path: Path) -> None:
    figures = [
        ratio_figure("ours", [(3, 2)], "/s", baseline="theirs", target=1.0),
        median_figure("theirs", [2], "/s"),
        median_figure("memory", [120], "MB", target=100, at_most=True),
    ]

    write_bench(tmp_path / "build" / "bench.json", figures)

    first, second, third = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert first == {
        "name": "ours",
        "value": 3,
        "unit": "/s",
        "baseline": "theirs",
        "ratio": 1.5,
        "target": 1.0,
        "met": True,
    }
    assert second == {**dict.fromkeys(first), "name": "theirs", "value": 2, "unit": "/s"}
    assert third == {
        **dict.fromkeys(first), "name": "memory", "value": 120, "unit": "MB", "target": 100, "met": False,
    }  # fmt: skip
