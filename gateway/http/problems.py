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
    common = _common_members(refusal.code, refusal.detail_key, texts, language)
    problem = common | refusal.members if refusal.members else common
    if isinstance(refusal, InvalidFields):
        problem = problem | {"errors": _faults(refusal, texts, language)}
    headers = {"Content-Language": str(language), **refusal.headers}
    if refusal.come_back is not None:
        headers["Retry-After"] = refusal.come_back.retry_after()
    return Answer(int(STATUSES[refusal.code]), _ENCODER.encode(problem), headers, MEDIA_TYPE)


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
        "status": int(STATUSES[code]),
        "detail": texts.get(language, detail_key),
        "code": code,
    }


def _faults(refusal: InvalidFields, texts: Texts, language: Language) -> list[dict[str, str]]:
    return [
        {"field": fault.field, "code": fault.code, "message": texts.fault(language, fault.field, fault.code)}
        for fault in refusal.faults
    ]


def _answer(request: AnyRequest, error: Exception) -> Response[Any]:
    return answer_error(request, error).as_response()


HANDLERS: dict[int | type[Exception], Any] = {Refusal: _answer, HTTPException: _answer, Exception: _answer}
