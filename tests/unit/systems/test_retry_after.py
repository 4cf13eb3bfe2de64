from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.systems.fetch import MAX_RETRY_AFTER_SECONDS, parse_retry_after


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0.0), ("1", 1.0), ("120", 120.0), ("999999999", MAX_RETRY_AFTER_SECONDS)],
)
def test_seconds_are_read_and_bounded(header: str, seconds: float) -> None:
    assert parse_retry_after(header) == seconds


@pytest.mark.parametrize("header", [None, "", "-1", "1.5", "soon", "٣", "1" * 5000, "nan", "inf", "1, 2"])
def test_nonsense_names_no_time(header: str | None) -> None:
    assert parse_retry_after(header) is None


def test_a_date_in_the_past_means_at_once() -> None:
    assert parse_retry_after("Wed, 08 Apr 2020 03:00:00 GMT") == 0


def test_a_date_far_in_the_future_is_bounded() -> None:
    assert parse_retry_after("Wed, 08 Apr 2220 03:00:00 GMT") == MAX_RETRY_AFTER_SECONDS


def test_a_date_soon_to_come_is_a_time_from_now() -> None:
    in_half_an_hour = format_datetime(datetime.now(UTC) + timedelta(minutes=30), usegmt=True)

    seconds = parse_retry_after(in_half_an_hour)

    assert seconds is not None
    assert 0 < seconds <= 1800


@given(st.text())
def test_no_header_breaks_the_reading(header: str) -> None:
    seconds = parse_retry_after(header)

    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS
