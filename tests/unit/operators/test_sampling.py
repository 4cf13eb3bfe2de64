from itertools import pairwise

from gateway.inflight.figures import Figures
from gateway.operators.sampling import Reading, take_sample
from gateway.operators.tallies import Tallies
from gateway.operators.waits import Mark
from tests.unit.operators.counted import finished, submitted
from tests.unit.operators.figures_of import figures

FULL, ADMITTED = submitted("5xx", "full"), submitted("2xx")


def reading(at_ms: int, found: Figures | None, tallies: Tallies | None = None) -> Reading:
    return Reading(at_ms, "42500", found, tallies or {})


def test_rates_are_differences_over_the_time_between() -> None:
    before = reading(0, figures(accepted=5, called=10), {FULL: 10, ADMITTED: 7, finished("forwarded"): 3})
    now = reading(2_000, figures(accepted=9, called=30), {FULL: 16, ADMITTED: 11, finished("forwarded"): 4})

    sample = take_sample(before, now)

    assert (sample.arrivals, sample.admissions, sample.refusals) == (5, 2, {"full": 3})
    assert (sample.accepted, sample.called, sample.forwarded) == (2, 10, 0.5)
    assert (sample.live, sample.limit, sample.waiting) == (100, 1_000, -30)


def test_the_first_look_knows_no_rates() -> None:
    sample = take_sample(None, reading(0, figures(), {FULL: 10}))

    assert sample.live == 100
    assert (sample.arrivals, sample.admissions, sample.refusals, sample.accepted) == (None,) * 4


def test_a_gateway_that_began_anew_has_counted_all_of_it_since() -> None:
    two = submitted("2xx", gateway="machine:9000")
    before = reading(0, None, {ADMITTED: 1_000, two: 5})
    now = reading(1_000, None, {ADMITTED: 3, two: 9})

    assert take_sample(before, now).admissions == 7


def test_only_submissions_are_arrivals_and_cases_of_others_are_not_forwarded_here() -> None:
    others = {
        submitted("2xx", route="/v1/receipts"): 5,
        finished("refused"): 5,
        finished("forwarded", "9"): 5,
    }

    sample = take_sample(reading(0, None), reading(1_000, None, others))

    assert (sample.arrivals, sample.refusals, sample.forwarded) == (0, {}, None)


def test_without_redis_its_figures_are_unknown_and_the_counts_are_not() -> None:
    before = reading(0, figures(), {FULL: 1})
    away = reading(1_000, None, {FULL: 5})

    sample = take_sample(before, away)

    assert (sample.live, sample.waiting, sample.accepted, sample.called) == (None,) * 4
    assert sample.refusals == {"full": 4}
    assert take_sample(away, reading(2_000, figures())).accepted is None


def test_a_count_of_redis_that_fell_says_nothing() -> None:
    sample = take_sample(reading(0, figures(accepted=9)), reading(1_000, figures(accepted=2)))

    assert sample.accepted is None
    assert sample.arrivals is None


def test_who_missed_the_call_is_told_and_who_comes_after_all_is_no_gain() -> None:
    missed = [Reading(at, "42500", figures(), missed=count) for at, count in ((0, 4), (1_000, 7), (2_000, 5))]

    assert [take_sample(*pair).missed for pair in pairwise(missed)] == [3, 0]


def test_what_was_promised_stands_beside_what_was_waited() -> None:
    called = Reading(31_000, "42500", figures(), called_mark=Mark(10, 1_000, 24))

    sample = take_sample(None, called)

    assert (sample.eta_promised_seconds, sample.eta_waited_seconds) == (24, 30)
