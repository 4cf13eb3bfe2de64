"""The OpenAPI document: what the routes cannot say themselves, since they read bodies by hand."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias, cast

import msgspec
from litestar import Router
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    Link,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType

from gateway.domain.application import MAX_EMAIL, MIN_NAME
from gateway.domain.case import DECIDED
from gateway.domain.phones import MAX_WRITTEN
from gateway.http.problems import MEDIA_TYPE
from gateway.http.refusals import STATUSES, ProblemCode, Refusal

BEARER = [{"receipt": list[str]()}]

IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description="With the same body it brings the same answer. 1 to 255 visible ASCII characters.",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern="^[!-~]+$"),
)
WAITING_TICKET = Parameter(
    name="Waiting-Ticket",
    param_in="header",
    description="The ticket of a `full` answer. Claiming needs the same IIN as when it was given.",
    schema=Schema(
        type=OpenAPIType.STRING, max_length=200, pattern=r"^[a-z0-9]{1,16}\.[A-Za-z0-9_-]{40,128}$"
    ),
)
TIMESTAMP = Parameter(
    name="Timestamp",
    param_in="header",
    required=True,
    description="Unix time in seconds.",
    schema=Schema(type=OpenAPIType.STRING, pattern="^[0-9]{1,12}$"),
)
SIGNATURE = Parameter(
    name="Signature",
    param_in="header",
    required=True,
    description='HMAC-SHA-256 over Timestamp, "." and the body, in hexadecimal.',
    schema=Schema(type=OpenAPIType.STRING, pattern="^[0-9a-f]{64}$"),
)

# Where whoever has applied goes on, with the id of the answer and the receipt.
OF_THE_APPLICATION = {
    name: Link(operation_id=operation, parameters={"application_id": "$response.body#/id"})
    for name, operation in {
        "phone": "V1ApplicationsApplicationIdPhoneTakePhone",
        "confirmation": "V1ApplicationsApplicationIdConfirmationConfirmPhone",
        "application": "V1ApplicationsApplicationIdShowApplication",
    }.items()
}

_Headers: TypeAlias = dict[str, OpenAPIHeader | Reference]
_LOCATION: _Headers = {"Location": OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING))}
# By status: when to come back, and what limit decided.
_RETRY_AFTER: _Headers = {
    "Retry-After": OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING, pattern="^[0-9]+$"))
}
_RATE_LIMIT: _Headers = {
    name: OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING)) for name in ("RateLimit", "RateLimit-Policy")
}
_HEADERS = {"409": _RETRY_AFTER, "429": _RETRY_AFTER | _RATE_LIMIT, "503": _RETRY_AFTER}

# What the framework cannot know of the texts in a path. Whatever else they are is not found.
_PATH = {
    "programme": Schema(type=OpenAPIType.STRING, pattern="^[a-z0-9]{1,16}$", examples=["42500"]),
    "application_id": Schema(type=OpenAPIType.STRING, pattern="^[a-z0-9]{1,16}-[a-z2-7]{26}$"),
}

_OF_EVERY_ROUTE = (ProblemCode.NOT_ACCEPTABLE, ProblemCode.HEADERS_TOO_LARGE, ProblemCode.INTERNAL)

# Whoever sends a body may hear these.
_OF_EVERY_BODY = (
    ProblemCode.MALFORMED,
    ProblemCode.REQUEST_TIMEOUT,
    ProblemCode.TOO_LARGE,
    ProblemCode.UNSUPPORTED_MEDIA_TYPE,
)


# A format is a word for people and generators: the check digits in it are no matter of a pattern.
_Iin = Annotated[str, msgspec.Meta(pattern="^[0-9]{12}$", extra_json_schema={"format": "iin"})]
_Iban = Annotated[str, msgspec.Meta(extra_json_schema={"format": "iban-kz"})]
_FullName = Annotated[str, msgspec.Meta(min_length=MIN_NAME, extra_json_schema={"format": "full-name"})]
# No format: an input that was left empty is sent as empty text.
_Email = Annotated[str, msgspec.Meta(max_length=MAX_EMAIL)]
_Language = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["kk", "ru", "en"]})]
_Mobile = Annotated[str, msgspec.Meta(max_length=MAX_WRITTEN, extra_json_schema={"format": "mobile-kz"})]
_Code = Annotated[str, msgspec.Meta(pattern="^[0-9]{6}$")]
_Number = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]{1,16}-[0-9]{4}-[0-9]{7}$")]


class ApplicationForm(msgspec.Struct, forbid_unknown_fields=True):
    category: str
    iin: _Iin
    full_name: _FullName
    iban: _Iban
    employer: str | None = None
    email: _Email | None = None
    language: _Language | None = None


class PhoneForm(msgspec.Struct, forbid_unknown_fields=True):
    phone: _Mobile


class CodeForm(msgspec.Struct, forbid_unknown_fields=True):
    code: _Code


class LostReceiptForm(msgspec.Struct, forbid_unknown_fields=True):
    number: _Number
    phone: _Mobile
    code: _Code | None = None


class DecisionForm(msgspec.Struct, forbid_unknown_fields=True):
    application_id: str
    number: str
    decision: Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(DECIDED)})]
    decided_at: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
    reason: str | None = None


class FieldError(msgspec.Struct):
    field: str
    code: str
    message: str


class Problem(msgspec.Struct):
    type: str
    title: str
    status: int
    detail: str
    code: ProblemCode
    errors: list[FieldError] | msgspec.UnsetType = msgspec.UNSET
    attempts_left: int | msgspec.UnsetType = msgspec.UNSET
    locked_until: str | msgspec.UnsetType = msgspec.UNSET
    ticket: str | msgspec.UnsetType = msgspec.UNSET
    position: int | msgspec.UnsetType = msgspec.UNSET
    eta_seconds: int | msgspec.UnsetType | None = msgspec.UNSET
    eta_p90_seconds: int | msgspec.UnsetType | None = msgspec.UNSET
    poll_after_ms: int | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET


def described(
    form: type[msgspec.Struct] | None,
    *codes: ProblemCode,
    parameters: Sequence[Parameter] = (),
    security: list[dict[str, list[str]]] | None = None,
    accepted: type[msgspec.Struct] | None = None,
    links: Mapping[str, Link] | None = None,
) -> dict[str, Any]:
    """Return the keywords of a route that put its body, headers and problems into the document.

    `accepted` is what a route answers with 202 when 200 is its usual status; `links` lead on from a 202
    that says where.
    """
    by_status: dict[int, list[str]] = defaultdict(list)
    common = _OF_EVERY_BODY if form else ()
    for code in (*codes, *common, *_OF_EVERY_ROUTE):
        by_status[STATUSES[code]].append(code)
    responses = {
        status: ResponseSpec(
            Problem, generate_examples=False, description=", ".join(names), media_type=MEDIA_TYPE
        )
        for status, names in by_status.items()
    }
    if accepted:
        responses[202] = ResponseSpec(accepted, generate_examples=False, description="accepted")
    operation = _operation(_request_body(form) if form else None, list(parameters), links)
    return {"responses": responses, "operation_class": operation, "security": security}


def _request_body(form: type[msgspec.Struct]) -> RequestBody:
    _, components = msgspec.json.schema_components([form])
    schema = cast("Schema", components[form.__name__])
    return RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)


def _operation(
    body: RequestBody | None, headers: list[Parameter], links: Mapping[str, Link] | None
) -> type[Operation]:
    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.request_body = body
            self.parameters = [*map(_in_path, self.parameters or []), *headers] or None
            if body is None and self.responses:
                # The framework guesses a 400 for every path with a parameter; ours are all texts.
                self.responses.pop("400", None)
            for status, response in (self.responses or {}).items():
                if isinstance(response, OpenAPIResponse):
                    response.headers = {**(response.headers or {}), **_HEADERS.get(status, {})}
                    if links and status == "202":
                        response.links, response.headers = {**links}, _LOCATION

    return Described


def _in_path(parameter: Any) -> Any:
    known = _PATH.get(parameter.name)
    return replace(parameter, schema=known) if known else parameter


async def _check_document(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    # The framework would answer any other path below with a page of its own.
    if connection.scope["path"] not in {"/schema", "/schema/openapi.json"}:
        raise Refusal(ProblemCode.NOT_FOUND)


def openapi_config() -> OpenAPIConfig:
    """Serve JSON alone: pages that show it would load their parts from elsewhere."""
    return OpenAPIConfig(
        title="Qabyldau",
        version="1",
        description="Intake gateway for state payments.",
        render_plugins=[JsonRenderPlugin()],
        openapi_router=Router(
            "/schema", route_handlers=[], include_in_schema=False, guards=[_check_document]
        ),
        components=Components(
            security_schemes={
                "receipt": SecurityScheme(type="http", scheme="bearer", description="The receipt.")
            }
        ),
    )
