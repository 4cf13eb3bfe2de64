from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.counting import read_counts
from gateway.domain.case import State
from gateway.http import metrics
from gateway.http.metrics import (
    Shed,
    begin_counting,
    count_code_asked,
    count_confirmation,
    count_decision,
    count_request,
    count_shed,
    count_unexpected,
)
from gateway.http.refusals import ProblemCode
from gateway.inflight.confirmation import ConfirmOutcome, PhoneOutcome
from tests.unit.ledgers import opened_ledger

ROUTE = "/v1/applications/{application_id}"


@pytest.fixture
def counts_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with opened_ledger(tmp_path / "gateway") as ledger:
        monkeypatch.setattr(metrics, "LEDGER", ledger)
        forget_cells()
        yield tmp_path
        forget_cells()


def forget_cells() -> None:
    for cells in (
        metrics._requests,
        metrics._durations,
        metrics._shed,
        metrics._unexpected,
        metrics._codes_asked,
        metrics._confirmations,
        metrics._decisions,
    ):
        cells.cache_clear()


def samples(counts_dir: Path, name: str) -> dict[tuple[str, ...], float]:
    """By the values of the labels, in the order of the labels' names."""
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label != "gateway"): sample.value
        for family in read_counts(counts_dir)
        for sample in family.samples
        if sample.name == name
    }


def test_requests_are_counted_by_route_method_class_of_status_and_problem(counts_dir: Path) -> None:
    count_request(ROUTE, "GET", 200, None, 0.002)
    count_request(ROUTE, "GET", 202, None, 0.002)
    count_request(ROUTE, "GET", 404, ProblemCode.NOT_FOUND, 0.002)
    count_request(ROUTE, "GET", 409, ProblemCode.WRONG_STATE, 0.002)
    count_request("unmatched", "other", 404, ProblemCode.NOT_FOUND, 0.002)

    assert samples(counts_dir, "qabyldau_http_requests_total") == {
        ("GET", "", ROUTE, "2xx"): 2,
        ("GET", "not_found", ROUTE, "4xx"): 1,
        ("GET", "wrong_state", ROUTE, "4xx"): 1,
        ("other", "not_found", "unmatched", "4xx"): 1,
    }


def test_a_client_that_left_before_its_answer_is_counted_too(counts_dir: Path) -> None:
    count_request(ROUTE, "GET", 0, None, 0.002)

    assert samples(counts_dir, "qabyldau_http_requests_total") == {("GET", "", ROUTE, "none"): 1}


def test_durations_are_spread_by_route(counts_dir: Path) -> None:
    for seconds in (0.001, 0.0011, 7):
        count_request(ROUTE, "GET", 200, None, seconds)

    buckets = samples(counts_dir, "qabyldau_http_request_seconds_bucket")
    assert (buckets["0.001", ROUTE], buckets["0.0025", ROUTE], buckets["5.0", ROUTE]) == (1, 2, 2)
    assert samples(counts_dir, "qabyldau_http_request_seconds_count") == {(ROUTE,): 3}


def test_what_is_shed_is_counted_by_its_reason(counts_dir: Path) -> None:
    count_shed(Shed.ADDRESS)
    count_shed(Shed.OVERLOAD)
    count_shed(Shed.ADDRESS)

    assert samples(counts_dir, "qabyldau_http_shed_total") == {("address",): 2, ("overload",): 1}


def test_phones_codes_and_decisions_are_counted_by_what_became_of_them(counts_dir: Path) -> None:
    for outcome in (PhoneOutcome.SENT, PhoneOutcome.SENT, PhoneOutcome.TOO_MANY_CODES):
        count_code_asked("42500", outcome)
    count_confirmation("42500", ConfirmOutcome.WRONG_CODE)
    count_confirmation("42500", ConfirmOutcome.ACCEPTED)
    count_decision("42500", State.ASSIGNED)

    assert samples(counts_dir, "qabyldau_codes_asked_total") == {
        ("sent", "42500"): 2,
        ("too_many_codes", "42500"): 1,
    }
    assert samples(counts_dir, "qabyldau_confirmations_total") == {
        ("wrong_code", "42500"): 1,
        ("accepted", "42500"): 1,
    }
    assert samples(counts_dir, "qabyldau_decisions_total") == {("assigned", "42500"): 1}


def test_what_alerts_listen_for_begins_at_nothing(counts_dir: Path) -> None:
    begin_counting()
    assert samples(counts_dir, "qabyldau_http_mistakes_total") == {(): 0}
    assert samples(counts_dir, "qabyldau_http_shed_total") == {("address",): 0, ("overload",): 0}

    count_unexpected()
    assert samples(counts_dir, "qabyldau_http_mistakes_total") == {(): 1}


def test_labels_are_looked_up_once_and_not_for_each_request(counts_dir: Path) -> None:
    for _ in range(100):
        count_request(ROUTE, "GET", 404, ProblemCode.NOT_FOUND, 0.002)

    assert metrics._requests.cache_info().misses == 1
    assert metrics._durations.cache_info().misses == 1
