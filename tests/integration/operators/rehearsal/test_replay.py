import msgspec
import pytest

from gateway.domain.controls import OutOfRange, UnknownControl, Value
from gateway.inflight.steering import MessageMissing
from gateway.operators.rehearsal import replay as replaying
from gateway.operators.rehearsal.figures import Figures
from gateway.operators.rehearsal.little import recommend
from gateway.operators.rehearsal.recording import Arrival, Reached, Recording, RecordingError
from gateway.operators.rehearsal.replay import replay
from gateway.operators.rehearsal.report import rehearse
from tests.unit.operators.rehearsal.days import crowd, recording, served

SEED = 7


def play(day: Recording, **changes: Value) -> Figures:
    return replay(day, changes, SEED)


def test_the_same_seed_gives_the_same_figures_and_another_seed_others() -> None:
    day = crowd(300, 20, limit=20, repeats=0.3)

    assert play(day) == play(day)
    assert replay(day, {}, SEED) != replay(day, {}, SEED + 1)


def test_with_room_for_all_nobody_waits_and_all_are_accepted() -> None:
    found = play(crowd(200, 20, limit=1_000))

    assert (found.visits, found.let_in, found.accepted) == (200, 200, 200)
    assert (found.told_to_wait, found.never_in, found.refusals) == (0, 0, {})
    assert found.wait_p50_seconds is None
    assert found.codes_sent == 200


def test_slots_are_never_more_than_the_limit_and_are_all_used() -> None:
    found = play(crowd(300, 10, limit=25))

    assert found.most_live == 25
    assert found.accepted == 300
    assert found.refusals["full"] >= found.told_to_wait > 0


def test_a_line_is_as_long_as_arithmetic_says() -> None:
    # All at once, each for five seconds in one of ten slots: the line moves by ten every five seconds.
    day = recording(*(served(0, n, claim_ms=0) for n in range(100)), limit=10)

    found = play(day)

    # A called person hears of it at the next poll (two seconds) of a summary that is up to a second old.
    late = 3 / 5
    assert found.told_to_wait == 90
    # Nobody comes before the turn.
    assert found.refusals == {"full": 90}
    assert 25 <= (found.wait_p50_seconds or 0) <= 25 * (1 + late)
    assert 45 <= (found.wait_p90_seconds or 0) <= 45 * (1 + late)
    assert found.drain_seconds is not None
    assert 50 <= found.drain_seconds <= 50 * (1 + late)


def test_twice_the_limit_halves_the_waits() -> None:
    day = crowd(400, 10, limit=20)

    one, two = play(day), play(day, limit=40)

    assert one.wait_p50_seconds is not None
    assert two.wait_p50_seconds is not None
    assert two.wait_p50_seconds == pytest.approx(one.wait_p50_seconds / 2, rel=0.25)


def test_the_recommended_limit_lets_nearly_nobody_wait_and_half_of_it_most() -> None:
    day = crowd(1_000, 60, limit=20)
    limit = recommend(day).limit

    assert play(day, limit=limit).told_to_wait < 20
    assert play(day, limit=limit // 2).told_to_wait > 500


def test_repeats_wait_for_nobody_take_nothing_and_hear_that_they_have_applied() -> None:
    day = recording(served(0, 0), served(10_000, 0), served(10_000, 0), limit=1)

    found = play(day)

    assert (found.let_in, found.accepted, found.most_live) == (3, 1, 1)
    assert found.refusals == {"already_applied": 2}


def test_whoever_is_refused_by_the_state_may_apply_again() -> None:
    found = play(recording(served(0, 0, is_refused=True), served(60_000, 0)))

    assert found.accepted == 2


def test_whoever_does_not_wait_keeps_the_others_waiting_for_no_longer_than_a_claim_window() -> None:
    leaving = [served(1, n, comes_back=False) for n in range(1, 5)]
    day = recording(served(0, 0, comes_back=True), *leaving, served(2, 9, comes_back=True), limit=1)

    found = play(day)

    assert found.never_in == 4
    assert found.let_in == 2
    # Four who do not come, a window and a second each, after the five seconds of the first.
    assert found.wait_p50_seconds == pytest.approx(5 + 4 * 21, abs=10)


def test_a_lease_that_nobody_confirms_lapses_in_the_time_of_the_rehearsal() -> None:
    vanished = Arrival(at_ms=0, person=1, reached=Reached.SLOT, comes_back=True)
    day = recording(vanished, served(0, 2, comes_back=True), limit=1)

    found = play(day)

    assert found.accepted == 1
    assert found.wait_p50_seconds == pytest.approx(180, abs=10)


def test_whoever_is_too_slow_for_the_lease_begins_anew() -> None:
    found = play(recording(served(0, 0, phone_ms=4_000)), lease_before_phone_seconds=3)

    assert (found.lapsed, found.accepted) == (3, 0)


def test_a_budget_of_codes_ends_with_the_day_and_not_with_the_rehearsal() -> None:
    found = play(crowd(30, 30, limit=100), codes_per_day=10)

    assert (found.codes_sent, found.accepted) == (10, 10)
    assert found.refusals["rate_limited"] == 20


def test_an_address_limit_is_the_one_that_is_rehearsed() -> None:
    day = recording(*(served(0, n, address=1) for n in range(50)), limit=100)

    assert play(day).refusals == {}
    assert play(day, address_count=10, address_window_seconds=10).refusals["rate_limited"] >= 40


def test_the_inlet_is_the_one_that_is_rehearsed() -> None:
    day = crowd(200, 2, limit=1_000)

    found = play(day, inlet_per_second=10)

    assert found.told_to_wait > 150
    assert found.drain_seconds is not None
    assert found.drain_seconds > 15


def test_a_line_for_all_is_the_one_that_is_rehearsed() -> None:
    found = play(crowd(100, 10, limit=1_000), mode="line_for_all")

    assert (found.told_to_wait, found.accepted) == (100, 100)
    assert found.wait_p50_seconds is not None
    assert found.wait_p50_seconds < 4


def test_a_closed_programme_says_so_until_people_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_MOST_DRAIN_SECONDS", 600)
    messages = {f"message_{language}": "…" for language in ("kk", "ru", "en")}

    found = play(recording(served(0, 0)), mode="closed", **messages)

    assert found.let_in == 0
    assert 600 / 180 <= found.refusals["programme_closed"] <= 600 / 60 + 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"no_such": 1}, UnknownControl),
        ({"limit": -1}, OutOfRange),
        ({"claim_window_seconds": 0}, OutOfRange),
        ({"mode": "hold"}, MessageMissing),
    ],
)
def test_what_an_operator_could_not_do_is_not_rehearsed(
    changes: dict[str, Value], error: type[Exception]
) -> None:
    with pytest.raises(error):
        play(recording(served(0, 0)), **changes)


def test_a_door_that_is_shut_is_said_to_be_never_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_MOST_DRAIN_SECONDS", 600)

    found = play(recording(served(0, 0), served(1, 1)), limit=0)

    assert found.drain_seconds is None
    assert (found.let_in, found.never_in) == (0, 2)


def test_the_day_as_it_was_stands_beside_the_day_that_is_tried_out() -> None:
    day = crowd(200, 10, limit=20)
    smaller = msgspec.structs.replace(day, header=msgspec.structs.replace(day.header, limit=10))

    report = rehearse(day, {"limit": 10}, SEED, sms_price=2.5)
    without = rehearse(day, {}, SEED)

    assert without.rehearsed is None
    assert without.in_force == msgspec.structs.replace(report.in_force, sms_cost=None)
    assert report.in_force.limit == 20
    assert report.rehearsed is not None
    assert report.rehearsed.sms_cost == report.rehearsed.codes_sent * 2.5
    # What is tried out is played as what was in force would be.
    assert msgspec.structs.replace(report.rehearsed, sms_cost=None) == play(smaller)


def test_a_day_on_which_nobody_was_served_is_not_played() -> None:
    with pytest.raises(RecordingError):
        play(recording(served(0, 0, service_ms=None)))
