import pytest

from loadtests.surge.casting import Kind
from loadtests.surge.figures import Figures, Tally, latency
from loadtests.surge.ledger import Entry, Outcome, Step

SECOND = 1_000_000


def answer(visit: int, step: Step, at_seconds: float, **more: object) -> Entry:
    at_us = int(at_seconds * SECOND)
    known: dict[str, object] = {"person": visit, "sent_at_us": at_us - 4_000, "answered_at_us": at_us}
    known |= {"status": 200, **more}
    return Entry(visit=visit, step=step, intended_at_us=at_us - 5_000, **known)  # type: ignore[arg-type]  # as given


def figures(*entries: Entry) -> Figures:
    tally = Tally(0)
    for entry in entries:
        tally.add(entry)
    return tally.figures()


def test_percentiles_are_by_nearest_rank() -> None:
    found = latency([float(value) for value in range(1, 1_001)])

    assert (found.count, found.p50_ms, found.p90_ms, found.p99_ms, found.p999_ms, found.most_ms) == (
        1_000, 500, 900, 990, 999, 1_000,
    )  # fmt: skip
    assert latency([3.0]).p50_ms == 3


def test_one_journey_is_counted_step_by_step() -> None:
    found = figures(
        answer(1, Step.READ, 0.5),
        answer(1, Step.SUBMIT, 1.5, status=503, code="full", position=3),
        answer(1, Step.POLL, 3.5, state="called"),
        answer(1, Step.SUBMIT, 4.5, status=202, id="a"),
        answer(1, Step.CONFIRM, 6.5, id="a", state="accepted"),
        answer(1, Step.END, 8.5, outcome=Outcome.SERVED),
    )

    assert (found.visits, found.people, found.admitted, found.accepted) == (1, 1, 1, 1)
    assert (found.served_share, found.asked_per_admission) == (1, 2)
    assert found.seconds[1].full == found.seconds[4].admitted == found.seconds[6].accepted == 1
    assert found.seconds[8].served == found.seconds[0].arrived == 1
    assert found.latencies["submit full"].p50_ms == 5
    assert found.late is not None
    assert found.late.p99_ms == 1


def test_an_acceptance_that_was_answered_twice_is_one() -> None:
    found = figures(
        answer(1, Step.CONFIRM, 1, id="a"),
        answer(1, Step.CONFIRM, 2, id="a"),
        answer(2, Step.CONFIRM, 3, id="b"),
    )

    assert found.accepted == 2


def test_who_went_away_is_owed_nothing_and_who_was_cut_is() -> None:
    ends = [Outcome.SERVED, Outcome.REFUSED, Outcome.ALREADY_APPLIED, Outcome.LEFT, Outcome.BOT, Outcome.CUT]

    found = figures(*(answer(n, Step.END, n, outcome=outcome) for n, outcome in enumerate(ends)))

    assert found.served_share == 0.75


def test_a_person_who_came_through_at_one_of_two_visits_is_served() -> None:
    found = figures(
        answer(1, Step.END, 1, person=7, outcome=Outcome.TURNED_AWAY),
        answer(2, Step.END, 2, person=7, outcome=Outcome.SERVED),
    )

    assert found.served_share == 1


def test_bots_count_in_answers_and_errors_but_not_as_people() -> None:
    found = figures(
        answer(1, Step.SUBMIT, 1, status=202, kind=Kind.FLOODER),
        answer(2, Step.POLL, 1, status=500, code="internal", kind=Kind.FORGER),
    )

    assert (found.people, found.admitted) == (0, 0)
    assert found.answers == {"submit 202": 1, "poll internal": 1}
    assert found.unexpected == {"poll internal": 1}


def test_the_error_of_an_eta_is_that_of_the_first_promise_of_a_long_wait() -> None:
    found = figures(
        answer(1, Step.SUBMIT, 0, status=503, code="full", position=9),
        answer(1, Step.POLL, 10, state="waiting", position=8, eta_seconds=50),
        answer(1, Step.POLL, 20, state="waiting", position=4, eta_seconds=5),
        answer(1, Step.POLL, 50, state="called"),
        answer(1, Step.SUBMIT, 52, status=202),
        answer(2, Step.SUBMIT, 0, status=503, code="full", position=1, eta_seconds=2),
        answer(2, Step.POLL, 4, state="called"),
        answer(3, Step.SUBMIT, 0, status=503, code="full", position=99, eta_seconds=9_000),
    )

    assert [(one.promised_seconds, one.waited_seconds) for one in found.promises] == [
        (50, 40),
        (2, 4),
        (9_000, None),
    ]
    assert found.eta_error == 0.25


def test_goodput_is_that_of_the_middle_four_fifths() -> None:
    # Ten a second for a minute, after one early bird and before one straggler.
    steady = [10 + n / 10 for n in range(600)]
    found = figures(*(answer(n, Step.CONFIRM, at, id=str(n)) for n, at in enumerate([0, *steady, 500])))

    assert found.goodput_per_second == pytest.approx(10)


def test_an_empty_ledger_has_no_figures() -> None:
    found = figures()

    assert (found.visits, found.late, found.eta_error) == (0, None, None)
    assert (found.served_share, found.goodput_per_second, found.asked_per_admission) == (None, None, None)
