"""Where an error becomes HTTP: `application/problem+json` (RFC 9457) in the reader's language."""

from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from gateway.domain.texts import Language, Texts
from gateway.http.answers import Answer
from gateway.http.metrics import count_unexpected
from gateway.http.refusals import STATUSES, InvalidFields, ProblemCode, Refusal, Unavailable
from gateway.http.request import AnyRequest, Exchange, language_of, services_of, trace_of
from gateway.inflight.store import StoreUnavailable

MEDIA_TYPE = "application/problem+json"

# What the framework itself may say. Its other errors mean a mistake of ours.
_OF_FRAMEWORK = {
    HTTPStatus.BAD_REQUEST: ProblemCode.MALFORMED,
    HTTPStatus.NOT_FOUND: ProblemCode.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: ProblemCode.METHOD_NOT_ALLOWED,
}

_STATUS_NUMBERS = {code: int(status) for code, status in STATUSES.items()}

_ENCODER = msgspec.json.Encoder()
_log = structlog.get_logger()


def answer_error(exchange: Exchange, error: Exception) -> Answer:
    """Return what is said about any error, the unexpected included."""
    refusal = _refusal_for(error)
    if refusal.code is ProblemCode.INTERNAL:
        count_unexpected()
        _log.error("unexpected_error", application_id=trace_of(exchange).application_id, exc_info=error)
    trace_of(exchange).problem = refusal.code
    return render(refusal, services_of(exchange).texts, language_of(exchange))


def render(refusal: Refusal, texts: Texts, language: Language) -> Answer:
    headers = {"Content-Language": str(language), **refusal.headers}
    if refusal.come_back is not None:
        headers["Retry-After"] = refusal.come_back.retry_after()
    body = _body(refusal, texts, language)
    return Answer(_STATUS_NUMBERS[refusal.code], body, headers, MEDIA_TYPE)


def _body(refusal: Refusal, texts: Texts, language: Language) -> bytes:
    is_common = not refusal.members and not isinstance(refusal, InvalidFields)
    if is_common:
        return _common_body(refusal.code, refusal.detail_key, texts, language)
    problem = _common_members(refusal.code, refusal.detail_key, texts, language) | refusal.members
    if isinstance(refusal, InvalidFields):
        problem = problem | {"errors": _faults(refusal, texts, language)}
    return _ENCODER.encode(problem)


def _refusal_for(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, StoreUnavailable):
        return Unavailable()
    if isinstance(error, HTTPException):
        code = _OF_FRAMEWORK.get(HTTPStatus(error.status_code))
        if code is not None:
            allow = (error.headers or {}).get("allow")
            return Refusal(code, headers={"Allow": allow} if allow else None)
    return Refusal(ProblemCode.INTERNAL)


# As many as there are codes, details and languages; texts do not change while a process runs.
@lru_cache(256)
def _common_members(code: ProblemCode, detail_key: str, texts: Texts, language: Language) -> dict[str, Any]:
    return {
        "type": f"urn:qabyldau:problem:{code}",
        "title": texts.get(language, f"problem.{code}.title"),
        "status": _STATUS_NUMBERS[code],
        "detail": texts.get(language, detail_key),
        "code": code,
    }


@lru_cache(256)
def _common_body(code: ProblemCode, detail_key: str, texts: Texts, language: Language) -> bytes:
    return _ENCODER.encode(_common_members(code, detail_key, texts, language))


def _faults(refusal: InvalidFields, texts: Texts, language: Language) -> list[dict[str, str]]:
    return [
        {"field": fault.field, "code": fault.code, "message": texts.fault(language, fault.field, fault.code)}
        for fault in refusal.faults
    ]


def _answer(request: AnyRequest, error: Exception) -> Response[Any]:
    return answer_error(request, error).as_response()


HANDLERS: dict[int | type[Exception], Any] = {Refusal: _answer, HTTPException: _answer, Exception: _answer}
