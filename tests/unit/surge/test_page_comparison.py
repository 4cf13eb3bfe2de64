from loadtests.surge.comparison_sides import Handed, Points, Seen, Side, handed, missing, see
from loadtests.surge.ledger import Entry, Step

SECOND = 1_000_000


def answer(person: int, step: Step, at_seconds: float, visit: int | None = None, **more: object) -> Entry:
    at_us = int(at_seconds * SECOND)
    times = {"intended_at_us": at_us - 5_000, "sent_at_us": at_us - 4_000, "answered_at_us": at_us}
    known = {"visit": person if visit is None else visit, "person": person, "step": step, **times}
    return Entry(**(known | more))  # type: ignore[arg-type]  # as given


def side(taken: Points) -> Side:
    seen = Seen(0, 0, None, 0, 0, 0, [], [])
    return Side(name="a", seen=seen, lost=0, not_yet=0, handed=Handed(0, 0), taken=taken, left_taken=0)


def test_somebody_who_is_accepted_twice_is_told_twice_and_counts_as_one() -> None:
    seen = see(
        [
            answer(1, Step.SUBMIT, 1, status=202),
            answer(1, Step.SUBMIT, 3, visit=2, status=202),
            answer(2, Step.SUBMIT, 3, visit=3, status=503, code="full"),
        ],
        0,
        Step.SUBMIT,
    )

    assert (seen.told, seen.people) == (2, 1)
    assert seen.accepted == [(0, 0), (1, 1)]


def test_a_code_accepts_where_there_is_one_and_the_form_alone_does_not() -> None:
    entries = [
        answer(1, Step.SUBMIT, 1, status=202, id="a"),
        answer(1, Step.CONFIRM, 2, status=200, id="a"),
        answer(2, Step.SUBMIT, 1, status=202, id="b"),
    ]

    assert see(entries, 0, Step.CONFIRM).people == 1
    assert see(entries, 0, Step.SUBMIT).people == 2


def test_a_form_without_an_answer_counts_in_the_latency_of_forms() -> None:
    long_wait = answer(1, Step.SUBMIT, 20, status=0, code="TimeoutError", intended_at_us=5 * SECOND)

    seen = see([long_wait, answer(2, Step.SUBMIT, 6, status=202)], 0, Step.SUBMIT)

    assert (seen.unexpected, seen.p99_ms, seen.late_p99_ms) == (1, 15_000, 14_996)
    assert seen.p99s == [(5, 15_000)]


def test_what_was_told_and_not_done_is_missing_for_whom_it_was_told() -> None:
    assert missing([1, 1, 2, 3], [1, 2, 2, 2]) == 2
    assert missing([1], [1, 1]) == 0


def test_people_with_two_applications_are_counted_once() -> None:
    assert handed([7, 7, 7, 8]) == Handed(applications=4, people_twice=1)


def test_only_what_is_above_the_limit_is_above_the_limit() -> None:
    assert side([(0, 3), (1, 12), (2, 4)]).above(10) == 2
    assert side([(0, 10)]).above(10) == 0
