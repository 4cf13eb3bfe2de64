from collections.abc import Sequence
from xml.etree import ElementTree as ET

from loadtests.bench.chart import draw
from loadtests.bench.figures import Figure, median_figure, ratio_figure
from loadtests.bench.report import table

FIGURES = [
    ratio_figure("ours ÷ <theirs> & others", [(31_415, 10_000)], "/s", baseline="theirs", target=1.0),
    median_figure("memory", [0.12345], "MB", target=0.1, at_most=True),
    median_figure("no target", [7], "s"),
]
SVG = "{http://www.w3.org/2000/svg}"


def picture(figures: Sequence[Figure] = FIGURES) -> ET.Element:
    return ET.fromstring(draw(figures))  # noqa: S314 - drawn here.


def bars(drawn: ET.Element) -> list[ET.Element]:
    return [shape for shape in drawn.iter(f"{SVG}rect") if "class" in shape.attrib]


def written() -> list[str]:
    return [text.text or "" for text in picture().iter(f"{SVG}text")]


def test_every_row_of_the_table_says_what_was_measured_what_was_wanted_and_whether_it_is_met() -> None:
    head, first, second, third = table(FIGURES).splitlines()

    assert first.split() == ["ours", "÷", "<theirs>", "&", "others", "31,415", "/s", "3.14", "≥", "1", "yes"]
    assert second.split() == ["memory", "0.123", "MB", "≤", "0.1", "NO"]
    assert third.split() == ["no", "target", "7", "s"]
    assert head.index("measured") + len("measured") == first.index("31,415") + len("31,415")


def test_the_chart_shows_every_figure_that_has_a_target() -> None:
    assert [bar.attrib["class"] for bar in bars(picture())] == ["met", "missed"]
    assert "ours ÷ <theirs> & others" in written()
    assert "no target" not in written()


def test_the_chart_tells_met_from_missed_in_words_too() -> None:
    assert "3.14 (≥ 1) ✓ met" in written()
    assert "0.123 MB (≤ 0.1) ✗ missed" in written()


def test_a_bar_reaches_the_line_when_the_target_is_just_met_whichever_way_is_better() -> None:
    just = [
        Figure(name="least", value=6, unit="/s", target=6.0),
        Figure(name="most", value=6, unit="s", target=6.0, at_most=True),
    ]
    drawn = picture(just)
    goal = next(line for line in drawn.iter(f"{SVG}line") if line.attrib.get("class") == "goal")

    for bar in bars(drawn):
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) == float(goal.attrib["x1"])


def test_a_chart_of_nothing_is_still_a_picture() -> None:
    assert picture([]).tag == f"{SVG}svg"
