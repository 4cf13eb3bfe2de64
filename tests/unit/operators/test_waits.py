import pytest

from gateway.operators import waits
from gateway.operators.waits import Waits


def test_who_is_called_has_waited_since_the_second_of_coming() -> None:
    line = Waits()
    line.note(0, 0, 0, 0)
    line.note(1_000, 10, 0, 30)
    line.note(2_000, 20, 0, 60)

    tenth = line.note(31_000, 20, 10, None)
    eleventh = line.note(32_000, 20, 11, None)

    assert tenth is not None
    assert (tenth.at_ms, tenth.eta_seconds) == (1_000, 30)
    assert eleventh is not None
    assert (eleventh.at_ms, eleventh.eta_seconds) == (2_000, 60)


def test_nothing_is_said_while_nobody_is_called() -> None:
    line = Waits()
    line.note(0, 0, 0, 0)
    line.note(1_000, 10, 5, 30)

    assert line.note(2_000, 12, 5, 30) is None


def test_when_those_came_who_waited_before_anybody_looked_is_unknown() -> None:
    line = Waits()
    line.note(0, 100, 40, None)
    line.note(1_000, 110, 40, 60)

    assert line.note(2_000, 110, 100, 60) is None
    first_seen = line.note(3_000, 110, 101, 60)
    assert first_seen is not None
    assert first_seen.at_ms == 1_000


def test_a_line_that_begins_anew_says_nothing_of_the_one_before() -> None:
    line = Waits()
    line.note(0, 0, 0, 0)
    line.note(1_000, 10, 0, 30)
    line.note(2_000, 3, 0, 10)

    assert line.note(3_000, 5, 2, 10) is None
    found = line.note(4_000, 5, 5, 10)
    assert found is not None
    assert found.at_ms == 3_000


def test_what_was_too_long_ago_is_unknown_and_not_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "MOST_MARKS", 3)
    line = Waits()
    for second in range(6):
        line.note(second * 1_000, second, 0, None)

    assert line.note(6_000, 5, 2, None) is None
    found = line.note(7_000, 5, 3, None)
    assert found is not None
    assert found.at_ms == 3_000
