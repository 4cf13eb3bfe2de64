import pytest

from loadtests.surge.capacity import CLOSED, NoCapacity, measure
from loadtests.surge.ledger import Entry, Outcome, Step

MILLISECOND = 1_000


def entry(step: Step, at_ms: int, outcome: Outcome | None = None) -> Entry:
    at_us = at_ms * MILLISECOND
    return Entry(
        visit=0,
        person=0,
        step=step,
        intended_at_us=at_us,
        sent_at_us=at_us,
        answered_at_us=at_us,
        outcome=outcome,
    )


def test_capacity_is_what_was_done_after_the_warm_up() -> None:
    # For as long as it goes on: a journey each 50 ms with four answers, and nobody served in the beginning.
    last_ms = int(CLOSED.seconds * 1_000) + 100
    answers = [entry(Step.SUBMIT, at_ms) for at_ms in range(0, last_ms, 50) for _ in range(4)]
    ends = [entry(Step.END, at_ms, Outcome.SERVED) for at_ms in range(2_000, last_ms, 50)]

    capacity = measure([*answers, *ends])

    assert capacity.people_per_second == pytest.approx(20, rel=0.01)
    assert capacity.answers_per_second == pytest.approx(80, rel=0.01)


def test_who_was_cut_off_was_not_served() -> None:
    with pytest.raises(NoCapacity):
        measure([entry(Step.SUBMIT, 0), entry(Step.END, 6_000, Outcome.CUT)])


def test_without_an_answer_there_is_no_capacity() -> None:
    with pytest.raises(NoCapacity):
        measure([])
