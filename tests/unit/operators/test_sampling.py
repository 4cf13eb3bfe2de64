from gateway.operators.sampling import Reading, take_sample
from gateway.operators.tallies import Submissions
from gateway.operators.waits import Mark
from tests.unit.operators.figures_of import figures

FULL = ("one", "5xx", "full")
ADMITTED = ("one", "2xx", "")


def test_rates_are_differences_over_the_time_between() -> None:
    before = Reading(0, figures(accepted=5, called=10), Submissions({FULL: 10, ADMITTED: 7}))
    now = Reading(2_000, figures(accepted=9, called=30), Submissions({FULL: 16, ADMITTED: 11}))

    sample = take_sample(before, now)

    assert (sample.arrivals, sample.admissions, sample.refusals) == (5, 2, {"full": 3})
    assert (sample.accepted, sample.called) == (2, 10)
    assert (sample.live, sample.limit, sample.waiting) == (100, 1_000, -30)


def test_the_first_look_knows_no_rates() -> None:
    sample = take_sample(None, Reading(0, figures(), Submissions({FULL: 10})))

    assert sample.live == 100
    assert (sample.arrivals, sample.admissions, sample.refusals, sample.accepted) == (None,) * 4


def test_a_gateway_that_began_anew_has_counted_all_of_it_since() -> None:
    before = Reading(0, None, Submissions({ADMITTED: 1_000, ("two", "2xx", ""): 5}))
    now = Reading(1_000, None, Submissions({ADMITTED: 3, ("two", "2xx", ""): 9}))

    assert take_sample(before, now).admissions == 7


def test_without_redis_its_figures_are_unknown_and_the_counts_are_not() -> None:
    before = Reading(0, figures(), Submissions({FULL: 1}))
    away = Reading(1_000, None, Submissions({FULL: 5}), is_store_up=False)

    sample = take_sample(before, away)

    assert (sample.live, sample.waiting, sample.accepted, sample.called) == (None,) * 4
    assert sample.refusals == {"full": 4}
    assert take_sample(away, Reading(2_000, figures(), None)).accepted is None


def test_a_count_of_redis_that_fell_says_nothing() -> None:
    sample = take_sample(Reading(0, figures(accepted=9), None), Reading(1_000, figures(accepted=2), None))

    assert sample.accepted is None
    assert sample.arrivals is None


def test_what_was_promised_stands_beside_what_was_waited() -> None:
    sample = take_sample(None, Reading(31_000, figures(), None, called_mark=Mark(10, 1_000, 24)))

    assert (sample.eta_promised_seconds, sample.eta_waited_seconds) == (24, 30)
