"""Where an error becomes HTTP: `application/problem+json` (RFC 9457) in the reader's language."""

from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from gateway.domain.texts import Language, Texts
from gateway.http.refusals import STATUSES, InvalidFields, ProblemCode, Refusal, Unavailable
from gateway.http.request import AnyRequest, language_of, services_of, trace_of
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


class Rendered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def render(refusal: Refusal, texts: Texts, language: Language) -> Rendered:
    code, status = refusal.code, int(STATUSES[refusal.code])
    problem: dict[str, Any] = {
        "type": f"urn:qabyldau:problem:{code}",
        "title": texts.get(language, f"problem.{code}.title"),
        "status": status,
        "detail": texts.get(language, refusal.detail_key),
        "code": code,
        **refusal.members,
    }
    if isinstance(refusal, InvalidFields):
        problem["errors"] = [
            {
                "field": fault.field,
                "code": fault.code,
                "message": texts.fault(language, fault.field, fault.code),
            }
            for fault in refusal.faults
        ]
    headers = {"Content-Language": language, **refusal.headers}
    if refusal.come_back is not None:
        headers["Retry-After"] = refusal.come_back.retry_after()
    return Rendered(status, headers, _ENCODER.encode(problem))


def _answer(request: AnyRequest, refusal: Refusal) -> Response[bytes]:
    trace_of(request).problem = refusal.code
    rendered = render(refusal, services_of(request).texts, language_of(request.scope["headers"]))
    return Response(
        rendered.body, status_code=rendered.status, headers=rendered.headers, media_type=MEDIA_TYPE
    )


def answer_refusal(request: AnyRequest, error: Refusal) -> Response[bytes]:
    return _answer(request, error)


def answer_store_unavailable(request: AnyRequest, _: StoreUnavailable) -> Response[bytes]:
    return _answer(request, Unavailable())


def answer_framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    code = _OF_FRAMEWORK.get(HTTPStatus(error.status_code))
    if code is None:
        return answer_unexpected(request, error)
    allow = (error.headers or {}).get("allow")
    return _answer(request, Refusal(code, headers={"Allow": allow} if allow else None))


def answer_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    _log.error("unexpected_error", exc_info=error)
    return _answer(request, Refusal(ProblemCode.INTERNAL))


HANDLERS: dict[int | type[Exception], Any] = {
    Refusal: answer_refusal,
    StoreUnavailable: answer_store_unavailable,
    HTTPException: answer_framework,
    Exception: answer_unexpected,
}
