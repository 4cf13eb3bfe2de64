"""What the gateways have counted, as far as those who watch need it."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from prometheus_client import Metric

SUBMIT_ROUTE = "/v1/programmes/{programme}/applications"

# A counter of one gateway: gateway, class of status, code of the problem.
_Key = tuple[str, str, str]


class Submissions(Struct, frozen=True):
    """Answers to submissions by gateway, class of status and code, since each gateway began."""

    answers: dict[_Key, float]


class Increase(Struct, frozen=True):
    """What was answered between two moments; `refusals` by code."""

    arrivals: float
    admissions: float
    refusals: dict[str, float]


def read_submissions(counted: Iterable[Metric]) -> Submissions | None:
    """Return None while no gateway has counted any."""
    answers: dict[_Key, float] = {}
    for family in counted:
        if family.name != "qabyldau_http_requests":
            continue
        for sample in family.samples:
            labels = sample.labels
            if labels["route"] == SUBMIT_ROUTE and labels["method"] == "POST":
                answers[labels["gateway"], labels["status"], labels["problem"]] = sample.value
    return Submissions(answers) if answers else None


def increase(before: Submissions, after: Submissions) -> Increase:
    arrivals, admissions, refusals = 0.0, 0.0, dict[str, float]()
    for (gateway, status, problem), value in after.answers.items():
        grown = _grown(before.answers, (gateway, status, problem), value)
        arrivals += grown
        if status == "2xx":
            admissions += grown
        elif problem and grown:
            refusals[problem] = refusals.get(problem, 0.0) + grown
    return Increase(arrivals, admissions, refusals)


def _grown(before: Mapping[_Key, float], key: _Key, value: float) -> float:
    """A counter that fell belongs to a gateway that began anew, and has counted all of it since."""
    was = before.get(key, 0.0)
    return value - was if value >= was else value
