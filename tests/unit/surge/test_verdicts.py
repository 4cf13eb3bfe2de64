import msgspec

from loadtests.surge.faults import Happened
from loadtests.surge.figures import Figures, Latency, Tally
from loadtests.surge.profiles import Heal, Kill, Process, Profile, Thresholds
from loadtests.surge.verdicts import judge_faults, judge_thresholds
from tests.unit.surge.people_of_a_run import PROFILE

LATENCY = Latency(100, 10, 20, 300, 400, 500)


def asked(thresholds: Thresholds) -> Profile:
    return msgspec.structs.replace(PROFILE, thresholds=thresholds)


def found(**more: object) -> Figures:
    return msgspec.structs.replace(Tally(0).figures(), **more)


def test_a_profile_that_asks_for_nothing_is_not_judged() -> None:
    assert judge_thresholds(PROFILE, found(), 10, None) == []


def test_what_is_within_its_bounds_held() -> None:
    thresholds = Thresholds(
        least_served=0.9,
        least_goodput=0.5,
        most_admitted_p99_ms=300,
        most_refused_p99_ms=300,
        most_eta_error=0.25,
        most_late_p99_ms=300,
        most_drain_seconds=30,
    )
    figures = found(
        served_share=0.9,
        goodput_per_second=5.0,
        latencies={"submit 202": LATENCY, "submit full": LATENCY},
        eta_error=0.25,
        late=LATENCY,
    )

    verdicts = judge_thresholds(asked(thresholds), figures, 10, 30)

    assert [verdict.name for verdict in verdicts] == [
        "served", "goodput", "admitted p99", "refused p99", "ETA error", "generator late p99", "drained",
    ]  # fmt: skip
    assert all(verdict.held for verdict in verdicts)


def test_what_is_beyond_them_did_not_and_says_by_how_much() -> None:
    [verdict] = judge_thresholds(asked(Thresholds(most_drain_seconds=30)), found(), 10, 31.5)

    assert (verdict.held, verdict.expected, verdict.found) == (False, "≤ 30 s after the last arrival", "31.5")


def test_what_was_never_seen_did_not_hold() -> None:
    thresholds = Thresholds(least_served=0.5, least_goodput=0.1, most_eta_error=1, most_drain_seconds=30)

    verdicts = judge_thresholds(asked(thresholds), found(), 10, None)

    assert [(verdict.held, verdict.found) for verdict in verdicts] == [(False, "never")] * 4


def test_a_fault_that_did_not_happen_spoils_the_rehearsal() -> None:
    profile = msgspec.structs.replace(
        PROFILE, faults=(Kill(at_seconds=1, what=Process.WORKER), Heal(at_seconds=2))
    )
    kill, heal = Happened(1, "kill worker"), Happened(2, "all systems heal")

    assert [verdict.held for verdict in judge_faults(profile, [kill, heal])] == [True]
    assert [verdict.held for verdict in judge_faults(profile, [kill])] == [False]
    failed = Happened(1, "kill worker", "there is no worker to kill")
    assert [verdict.detail for verdict in judge_faults(profile, [failed, heal])] == [
        "kill worker: there is no worker to kill"
    ]
    assert judge_faults(PROFILE, []) == []


def test_where_nobody_was_refused_no_refusal_was_slow() -> None:
    assert judge_thresholds(asked(Thresholds(most_refused_p99_ms=1)), found(), 10, None) == []
