"""Why an operator's request is not granted, and where that becomes HTTP, as in the public process."""

from enum import StrEnum
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from sqlalchemy.exc import SQLAlchemyError

from gateway.domain.controls import OutOfRange, UnknownControl
from gateway.domain.texts import Language, Texts, pick_language
from gateway.http.problems import MEDIA_TYPE
from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.request import AnyRequest
from gateway.inflight.steering import ControlsChanged, MessageMissing, NotServed
from gateway.inflight.store import StoreUnavailable
from gateway.operators.changing import InvalidChange, UnknownChange
from gateway.operators.desk import UnknownProgramme

_ENCODER = msgspec.json.Encoder()
_log = structlog.get_logger()


class Problem(StrEnum):
    """What console and command line decide by: add, never rename."""

    MALFORMED = "malformed"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    CHANGED = "changed"
    NOT_SERVED = "not_served"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_CHANGE = "invalid_change"
    UNKNOWN_CONTROL = "unknown_control"
    OUT_OF_RANGE = "out_of_range"
    MESSAGE_MISSING = "message_missing"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"
    STORE_UNAVAILABLE = "store_unavailable"


STATUSES: dict[Problem, HTTPStatus] = {
    Problem.MALFORMED: HTTPStatus.BAD_REQUEST,
    Problem.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Problem.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Problem.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Problem.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Problem.REQUEST_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    Problem.CHANGED: HTTPStatus.CONFLICT,
    Problem.NOT_SERVED: HTTPStatus.CONFLICT,
    Problem.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Problem.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Problem.INVALID_CHANGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Problem.UNKNOWN_CONTROL: HTTPStatus.UNPROCESSABLE_ENTITY,
    Problem.OUT_OF_RANGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    Problem.MESSAGE_MISSING: HTTPStatus.UNPROCESSABLE_ENTITY,
    Problem.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Problem.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    Problem.STORE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}

_BY_STATUS = {
    status: problem
    for problem, status in STATUSES.items()
    if problem
    in {
        Problem.MALFORMED,
        Problem.NOT_FOUND,
        Problem.METHOD_NOT_ALLOWED,
        Problem.TOO_LARGE,
    }
}

# What is shared with the public process says it in that one's words.
_BY_CODE = {
    ProblemCode.MALFORMED: Problem.MALFORMED,
    ProblemCode.STORE_UNAVAILABLE: Problem.STORE_UNAVAILABLE,
}

_HEADERS = {
    Problem.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    Problem.RATE_LIMITED: {"Retry-After": "2"},
    Problem.STORE_UNAVAILABLE: {"Retry-After": "2"},
}


class Refused(Exception):
    """`members` are written into the answer beside the five of RFC 9457."""

    def __init__(self, problem: Problem, **members: object) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.members = members


def answer_problem(request: AnyRequest, error: Exception) -> Response[bytes]:
    refused, headers = _refused_for(error)
    language = pick_language(request.headers.get("accept-language"))
    return Response(
        _ENCODER.encode(_document(refused, request.app.state.room.texts, language)),
        status_code=STATUSES[refused.problem],
        headers={"Content-Language": str(language), **headers, **_HEADERS.get(refused.problem, {})},
        media_type=MEDIA_TYPE,
    )


def _refused_for(error: Exception) -> tuple[Refused, dict[str, str]]:  # noqa: PLR0911 - One line an error.
    if isinstance(error, Refused):
        return error, {}
    known = _known(error)
    if known is not None:
        return known, {}
    if isinstance(error, Refusal) and error.code in _BY_CODE:
        return Refused(_BY_CODE[error.code]), {}
    if isinstance(error, UnicodeDecodeError):
        # A query in another encoding, which the framework cannot read.
        return Refused(Problem.MALFORMED), {}
    if isinstance(error, StoreUnavailable | SQLAlchemyError | OSError):
        # TimeoutError is one of the last.
        return Refused(Problem.STORE_UNAVAILABLE), {}
    if isinstance(error, HTTPException):
        problem = _BY_STATUS.get(HTTPStatus(error.status_code))
        if problem is not None:
            allow = (error.headers or {}).get("allow")
            return Refused(problem), {"Allow": allow} if allow else {}
    _log.error("unexpected_error", exc_info=error)
    return Refused(Problem.INTERNAL), {}


def _known(error: Exception) -> Refused | None:  # noqa: PLR0911 - One line an error.
    """What the use cases say without knowing of HTTP."""
    match error:
        case UnknownProgramme():
            return Refused(Problem.NOT_FOUND)
        case UnknownControl():
            return Refused(Problem.UNKNOWN_CONTROL, name=error.name)
        case OutOfRange():
            range_ = {"lowest": error.lowest, "highest": error.highest, "choices": error.choices}
            return Refused(Problem.OUT_OF_RANGE, name=error.name, **range_)
        case ControlsChanged():
            return Refused(Problem.CHANGED, current=error.current)
        case MessageMissing():
            return Refused(Problem.MESSAGE_MISSING)
        case NotServed():
            return Refused(Problem.NOT_SERVED)
        case InvalidChange():
            return Refused(Problem.INVALID_CHANGE, field=error.field)
        case UnknownChange():
            return Refused(Problem.NOT_FOUND)
    return None


def _document(refused: Refused, texts: Texts, language: Language) -> dict[str, object]:
    problem = refused.problem
    return {
        "type": f"urn:qabyldau:problem:{problem}",
        "title": texts.get(language, f"operators.{problem}.title"),
        "status": int(STATUSES[problem]),
        "detail": texts.get(language, f"operators.{problem}.detail"),
        "code": problem,
        **refused.members,
    }


HANDLERS: dict[int | type[Exception], Any] = {HTTPException: answer_problem, Exception: answer_problem}
