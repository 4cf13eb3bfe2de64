from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from config.settings import CONFIG_DIR
from gateway.domain.calendar import (
    ALMATY,
    CalendarError,
    Overrides,
    decide_by,
    is_working_day,
    journal_year,
    load_calendar,
)

NONE = Overrides()


def ms(day: str, time: str = "12:00") -> int:
    return int(datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=ALMATY).timestamp() * 1000)


def day_of(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ALMATY).date().isoformat()


@pytest.mark.parametrize(
    ("accepted", "working_days", "expected"),
    [
        ("2026-03-05", 1, "2026-03-06"),
        ("2026-03-05", 3, "2026-03-11"),
        ("2026-03-05", 4, "2026-03-12"),
        ("2026-03-05", 7, "2026-03-17"),
        ("2026-03-05", 30, "2026-04-22"),
        ("2026-03-19", 1, "2026-03-20"),
        ("2026-03-19", 3, "2026-03-27"),
        ("2026-03-19", 4, "2026-03-30"),
        ("2026-03-19", 7, "2026-04-02"),
        ("2026-03-19", 30, "2026-05-06"),
        ("2026-12-31", 1, "2027-01-05"),
        ("2026-12-31", 3, "2027-01-08"),
        ("2026-12-31", 4, "2027-01-11"),
        ("2026-12-31", 7, "2027-01-14"),
        ("2026-12-31", 30, "2027-02-16"),
    ],
)
def test_the_term_passes_over_weekends_and_holidays(accepted: str, working_days: int, expected: str) -> None:
    assert day_of(decide_by(ms(accepted), working_days, NONE)) == expected


def test_the_term_ends_with_the_last_second_of_the_day_in_almaty() -> None:
    end = decide_by(ms("2026-03-05"), 1, NONE)

    assert datetime.fromtimestamp(end / 1000, UTC) == datetime(2026, 3, 6, 18, 59, 59, tzinfo=UTC)
    assert end % 1000 == 0


@pytest.mark.parametrize("sent", ["2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10"])
def test_what_is_sent_on_a_free_day_counts_from_the_next_working_day(sent: str) -> None:
    assert day_of(decide_by(ms(sent), 3, NONE)) == "2026-03-13"


def test_the_day_of_acceptance_is_the_day_in_almaty() -> None:
    assert day_of(decide_by(ms("2026-06-10", "00:30"), 1, NONE)) == "2026-06-11"
    assert day_of(decide_by(ms("2026-06-10", "23:59"), 1, NONE)) == "2026-06-11"


def test_a_saturday_that_the_government_made_a_working_day_counts() -> None:
    assert is_working_day(date(2025, 1, 5), NONE)
    assert not is_working_day(date(2025, 1, 3), NONE)


def test_a_decree_overrides_the_calendar() -> None:
    overrides = Overrides(
        holidays=frozenset({date(2026, 3, 6)}), working_days=frozenset({date(2026, 3, 7), date(2026, 3, 8)})
    )

    assert day_of(decide_by(ms("2026-03-05"), 1, overrides)) == "2026-03-07"
    assert day_of(decide_by(ms("2026-03-05"), 2, overrides)) == "2026-03-08"
    assert day_of(decide_by(ms("2026-03-05"), 3, overrides)) == "2026-03-10"


def test_the_year_of_a_journal_number_is_the_year_in_almaty() -> None:
    assert journal_year(ms("2026-12-31", "23:59")) == 2026
    assert journal_year(ms("2027-01-01", "00:00")) == 2027
    assert datetime.fromtimestamp(ms("2027-01-01", "00:00") / 1000, UTC).year == 2026


def test_the_calendar_that_is_shipped_is_read() -> None:
    assert load_calendar(CONFIG_DIR / "calendar.toml") == NONE


def test_extra_days_are_read(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text("holidays = [2026-05-28]\nworking_days = [2026-05-30]\n")

    assert load_calendar(path) == Overrides(frozenset({date(2026, 5, 28)}), frozenset({date(2026, 5, 30)}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("holidays = 3", "holidays: Expected `array`, got `int`"),
        ('holidays = ["soon"]', "holidays[0]: Invalid RFC3339 encoded date"),
        ("holiday = []", "the file: Object contains unknown field `holiday`"),
        ("holidays = [", "is not TOML: Invalid value (at end of document)"),
        (
            "holidays = [2026-05-28]\nworking_days = [2026-05-28]",
            "working_days: 2026-05-28 is among the holidays too",
        ),
    ],
)
def test_a_wrong_calendar_is_named_with_its_reason(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text(text)

    with pytest.raises(CalendarError) as error:
        load_calendar(path)
    assert str(error.value) == f"{path}: {expected}"


def test_a_calendar_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match=r"calendar\.toml: cannot be read: .*No such file"):
        load_calendar(tmp_path / "calendar.toml")
