from collections.abc import Mapping

import pytest

from gateway.counting import Role, Tally
from gateway.operators.sampling import Reading
from gateway.operators.states import Around, SmsState
from gateway.operators.surroundings import Surroundings
from gateway.operators.systems import SystemState
from tests.unit.operators.counted import called, codes, took
from tests.unit.operators.figures_of import figures

CODE_SENT = codes("sent")


Step = tuple[int, Mapping[Tally, float], int]


def look_after(*steps: Step) -> Around:
    """What is told last of looks each a moment in ms, the counts and how many were accepted."""
    surroundings, before, around = Surroundings(), None, Around()
    for at_ms, tallies, accepted in steps:
        now = Reading(at_ms, "42500", figures(accepted=accepted), tallies)
        around = surroundings.look(before, now, {Role.WORKER: 2})
        before = now
    return around


def e_maket(tallies: Mapping[Tally, float], seconds: int = 10) -> SystemState:
    """E-Maket after so many seconds in which that was counted."""
    begun = {called("e_maket", "answered"): 0.0}
    systems = look_after((0, begun, 0), (seconds * 1000, begun | dict(tallies), 0)).systems
    assert systems is not None
    return systems["e_maket"]


def ended(answered: int = 0, **others: int) -> dict[Tally, float]:
    return {called("e_maket", outcome): count for outcome, count in {"answered": answered, **others}.items()}


def test_a_system_that_answers_is_up_with_its_rates() -> None:
    times = {took("e_maket", "0.25"): 90, took("e_maket", "0.5"): 8, took("e_maket", "inf"): 2}

    found = e_maket(ended(answered=98, timeout=2) | times)

    assert found == SystemState("up", calls_per_second=10, errors_percent=2.0, p95_ms=406)


@pytest.mark.parametrize("outcome", ["timeout", "connection", "status", "wrong_schema", "broken_off"])
def test_a_system_half_of_whose_calls_fail_is_down(outcome: str) -> None:
    assert e_maket(ended(answered=2, **{outcome: 2})).state == "down"
    assert e_maket(ended(answered=3, **{outcome: 2})).state == "up"


@pytest.mark.parametrize("outcome", ["stale_token", "message_refused"])
def test_a_system_that_thinks_little_of_our_calls_works(outcome: str) -> None:
    found = e_maket(ended(answered=1, **{outcome: 9}))

    assert (found.state, found.errors_percent) == ("up", 0)


def test_one_or_two_calls_that_fail_say_nothing() -> None:
    assert e_maket(ended(timeout=2)) == SystemState("unknown", 0.2, 100.0, None)
    assert e_maket(ended(timeout=3)).state == "down"


def test_a_system_one_in_twenty_of_whose_calls_takes_two_seconds_is_slow() -> None:
    quick = ended(answered=100) | {took("e_maket", "1.0"): 96, took("e_maket", "5.0"): 4}
    slow = ended(answered=100) | {took("e_maket", "1.0"): 90, took("e_maket", "5.0"): 10}

    assert (e_maket(quick).state, e_maket(quick).p95_ms) == ("up", 990)
    assert (e_maket(slow).state, e_maket(slow).p95_ms) == ("slow", 3_000)


def test_what_takes_longer_than_all_bounds_is_told_as_the_last_of_them() -> None:
    assert (
        e_maket(ended(answered=5) | {took("e_maket", "10.0"): 0, took("e_maket", "inf"): 5}).p95_ms == 10_000
    )


def test_of_a_system_nobody_calls_it_is_known_only_that_nobody_does() -> None:
    assert e_maket({}) == SystemState("unknown", calls_per_second=0)


def test_a_minute_later_a_failure_is_forgotten() -> None:
    failed, quiet = ended(timeout=9), ended(timeout=9)
    steps = [(0, ended(), 0), (1_000, failed, 0), (60_000, quiet, 0), (61_000, quiet, 0)]

    states = [
        found["e_maket"].state
        for found in (look_after(*steps[:3]).systems, look_after(*steps).systems)
        if found
    ]

    assert states == ["down", "unknown"]


def test_workers_are_added_up_and_one_that_began_anew_has_counted_since() -> None:
    one, two = called("sms", "answered", "machine:worker-1"), called("sms", "answered", "machine:worker-2")
    systems = look_after((0, {one: 100, two: 5}, 0), (10_000, {one: 10, two: 25}, 0)).systems

    assert systems is not None
    assert systems["sms"].calls_per_second == 3


def test_codes_sent_and_confirmed_are_those_of_the_last_quarter_of_an_hour() -> None:
    others = {codes("refused"): 70.0, codes("sent", "notice"): 70.0, codes("sent", programme="9"): 70.0}
    minute = 60_000
    looks: list[Step] = [
        (0, {CODE_SENT: 100}, 90),
        (minute, {CODE_SENT: 150, **others}, 100),
        (14 * minute, {CODE_SENT: 190, **others}, 160),
        (16 * minute, {CODE_SENT: 200, **others}, 165),
    ]

    assert look_after(*looks[:3]).sms == SmsState(90, 70, 77.8)
    assert look_after(*looks).sms == SmsState(50, 65, 100.0)


def test_without_workers_no_code_is_known_and_no_system() -> None:
    around = look_after((0, {}, 0), (1_000, {}, 3))

    assert around == Around(sms=SmsState(confirmed=3), workers_alive=2)


def test_the_first_look_knows_who_is_alive_and_nothing_else() -> None:
    assert look_after((0, ended(timeout=5), 7)) == Around(workers_alive=2)
