import pytest

from gateway.operators.rehearsal.little import recommend
from gateway.operators.rehearsal.recording import Arrival, Reached
from tests.unit.operators.rehearsal.days import recording, served


def test_two_a_second_who_stay_five_seconds_take_ten_slots() -> None:
    found = recommend(recording(*(served(at_ms, at_ms) for at_ms in range(0, 60_000, 500))))

    assert found.hold_seconds == 5
    assert found.service_seconds == 2
    assert found.limit == 10
    assert found.arrivals_per_second == pytest.approx(2)
    assert found.limit == pytest.approx(found.arrivals_per_second * found.hold_seconds)


def test_the_busiest_stretch_decides_and_not_the_day() -> None:
    quiet = [served(at_ms, at_ms) for at_ms in range(0, 60_000, 5_000)]
    burst = [served(60_000 + n, 100_000 + n) for n in range(40)]

    found = recommend(recording(*quiet, *burst))

    assert found.limit == 40
    assert found.limit_on_average < 10


def test_repeats_take_no_slot() -> None:
    once = [served(at_ms, at_ms) for at_ms in range(0, 60_000, 500)]
    again = [served(at_ms + 100, at_ms) for at_ms in range(0, 60_000, 500)]
    others = [served(at_ms + 100, at_ms + 1) for at_ms in range(0, 60_000, 500)]

    assert recommend(recording(*sorted([*once, *again], key=_at_ms))).limit == 10
    assert recommend(recording(*sorted([*once, *others], key=_at_ms))).limit == 20


def test_a_slot_that_nobody_confirms_is_held_until_its_lease_ends() -> None:
    vanished = served(0, 0, reached=Reached.SLOT, phone_ms=None, code_ms=None, service_ms=None)
    silent = served(0, 1, reached=Reached.PHONE, phone_ms=10_000, code_ms=None, service_ms=None)

    found = recommend(recording(vanished, silent, served(0, 2)))

    assert found.hold_seconds == pytest.approx((180 + 10 + 600 + 5) / 3)


def test_what_the_recommendation_takes_for_granted_is_said() -> None:
    assert any("as long as measured" in one for one in recommend(recording(served(0, 0))).assumptions)


def _at_ms(arrival: Arrival) -> int:
    return arrival.at_ms
