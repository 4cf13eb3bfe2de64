"""Working days of Kazakhstan: public holidays, the government's swaps, and what a decree changed since."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays
from msgspec import Struct

from gateway.domain.tables import convert_table, read_table

ALMATY = ZoneInfo("Asia/Almaty")

_KAZAKHSTAN = holidays.country_holidays("KZ")


class CalendarError(ValueError):
    """Names the file, the key and the reason in one line."""


class Overrides(Struct, frozen=True, forbid_unknown_fields=True):
    """Days that a decree made free or working after the calendar library was published."""

    holidays: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()


def load_calendar(path: Path) -> Overrides:
    """Raise CalendarError."""
    overrides = convert_table(path, "", read_table(path, CalendarError), Overrides, CalendarError)
    for day in overrides.holidays & overrides.working_days:
        raise CalendarError(f"{path}: working_days: {day} is among the holidays too")
    return overrides


def decide_by(accepted_at_ms: int, working_days: int, overrides: Overrides) -> int:
    """Return the last second of the N-th working day after acceptance, in epoch milliseconds.

    What is sent at a weekend or on a holiday counts as accepted on the next working day [S2].
    """
    day = _almaty(accepted_at_ms).date()
    while not is_working_day(day, overrides):
        day += timedelta(days=1)
    for _ in range(working_days):
        day += timedelta(days=1)
        while not is_working_day(day, overrides):
            day += timedelta(days=1)
    return int(datetime.combine(day, time(23, 59, 59), ALMATY).timestamp()) * 1000


def is_working_day(day: date, overrides: Overrides) -> bool:
    if day in overrides.working_days:
        return True
    return day not in overrides.holidays and _KAZAKHSTAN.is_working_day(day)


def journal_year(at_ms: int) -> int:
    """Return the year of a journal number: the year in Almaty, not in UTC."""
    return _almaty(at_ms).year


def _almaty(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ALMATY)
