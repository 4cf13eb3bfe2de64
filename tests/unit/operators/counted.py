"""Made-up counts of gateways and workers."""

from gateway.counting import Tally
from gateway.operators.tallies import SUBMIT_ROUTE

GATEWAY, WORKER = "machine:8000", "machine:worker-1"


def submitted(status: str, problem: str = "", gateway: str = GATEWAY, route: str = SUBMIT_ROUTE) -> Tally:
    labels = {"route": route, "method": "POST", "status": status, "problem": problem}
    return _tally(gateway, "qabyldau_http_requests_total", labels)


def finished(state: str, programme: str = "42500") -> Tally:
    return _tally(WORKER, "qabyldau_cases_finished_total", {"programme": programme, "state": state})


def codes(outcome: str, message: str = "code", programme: str = "42500") -> Tally:
    labels = {"programme": programme, "message": message, "outcome": outcome}
    return _tally(WORKER, "qabyldau_messages_total", labels)


def called(system: str, outcome: str, worker: str = WORKER) -> Tally:
    return _tally(worker, "qabyldau_system_calls_total", {"system": system, "outcome": outcome})


def took(system: str, bound: str) -> Tally:
    return _tally(WORKER, "qabyldau_system_call_seconds_bucket", {"system": system, "le": bound})


def _tally(folder: str, name: str, labels: dict[str, str]) -> Tally:
    return Tally(folder, name, tuple(sorted(labels.items())))
