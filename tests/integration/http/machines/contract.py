"""The contract once more, so that a change of it is noticed."""

from typing import Any

import httpx

from gateway.http.problems import MEDIA_TYPE
from tests.integration.http.machines.canaries import FORM

# What is not here is a fault: `internal`, and `store_unavailable` while Redis is there.
CODES = {
    400: {"malformed"},
    404: {"not_found"},
    405: {"method_not_allowed"},
    406: {"not_acceptable"},
    409: {"already_applied", "wrong_state", "ticket_not_called"},
    410: {"code_expired", "ticket_missed"},
    413: {"too_large"},
    415: {"unsupported_media_type"},
    422: {"invalid_application", "category_closed", "idempotency_conflict", "ticket_invalid", "code_wrong"},
    429: {"rate_limited", "code_locked"},
    431: {"headers_too_large"},
    503: {"full"},
}
PLACE = {"ticket", "position", "eta_seconds", "eta_p90_seconds", "poll_after_ms"}
MORE_FIELDS = ["employer", "phone", "code", "number", "application_id", "decision", "decided_at", "reason"]
FIELDS = [*FORM, *MORE_FIELDS]


def check_problem(problem: dict[str, Any], reply: httpx.Response, *, is_away: bool) -> None:
    expected = CODES.get(reply.status_code, set()) | ({"store_unavailable"} if is_away else set())
    assert problem["code"] in expected
    assert problem["status"] == reply.status_code
    assert reply.headers["content-type"] == MEDIA_TYPE
    assert problem["type"] == f"urn:qabyldau:problem:{problem['code']}"
    members = {"type", "title", "status", "detail", "code"}
    assert all(problem[member] for member in members)
    assert problem.keys() <= members | {"errors", "attempts_left", "locked_until"} | PLACE
    for error in problem.get("errors", []):
        assert error.keys() == {"field", "code", "message"}
        assert error["field"] in {*FIELDS, "*"}
