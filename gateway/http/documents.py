"""The OpenAPI document: what the routes cannot say themselves, since they read bodies by hand."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from litestar import Router
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIMediaType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType

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

# Whoever sends a body may hear these.
_OF_EVERY_BODY = (
    ProblemCode.MALFORMED,
    ProblemCode.REQUEST_TIMEOUT,
    ProblemCode.TOO_LARGE,
    ProblemCode.UNSUPPORTED_MEDIA_TYPE,
)


class ApplicationForm(msgspec.Struct, forbid_unknown_fields=True):
    category: str
    iin: str
    full_name: str
    iban: str
    employer: str | None = None
    email: str | None = None
    language: str | None = None


class PhoneForm(msgspec.Struct, forbid_unknown_fields=True):
    phone: str


class CodeForm(msgspec.Struct, forbid_unknown_fields=True):
    code: str


class LostReceiptForm(msgspec.Struct, forbid_unknown_fields=True):
    number: str
    phone: str
    code: str | None = None


class DecisionForm(msgspec.Struct, forbid_unknown_fields=True):
    application_id: str
    number: str
    decision: str
    decided_at: str
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


def described(
    form: type[msgspec.Struct] | None,
    *codes: ProblemCode,
    parameters: Sequence[Parameter] = (),
    security: list[dict[str, list[str]]] | None = None,
    accepted: type[msgspec.Struct] | None = None,
) -> dict[str, Any]:
    """Return the keywords of a route that put its body, headers and problems into the document.

    `accepted` is what a route answers with 202 when 200 is its usual status.
    """
    by_status: dict[int, list[str]] = defaultdict(list)
    common = _OF_EVERY_BODY if form else ()
    for code in (*codes, *common, ProblemCode.NOT_ACCEPTABLE, ProblemCode.INTERNAL):
        by_status[STATUSES[code]].append(code)
    responses = {
        status: ResponseSpec(
            Problem, generate_examples=False, description=", ".join(names), media_type=MEDIA_TYPE
        )
        for status, names in by_status.items()
    }
    if accepted:
        responses[202] = ResponseSpec(accepted, generate_examples=False, description="accepted")
    operation = _operation(_request_body(form) if form else None, list(parameters))
    return {"responses": responses, "operation_class": operation, "security": security}


def _request_body(form: type[msgspec.Struct]) -> RequestBody:
    _, components = msgspec.json.schema_components([form])
    schema = cast("Schema", components[form.__name__])
    return RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)


def _operation(body: RequestBody | None, headers: list[Parameter]) -> type[Operation]:
    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.request_body = body
            self.parameters = [*(self.parameters or []), *headers] or None
            if body is None and self.responses:
                # The framework guesses a 400 for every path with a parameter; ours are all texts.
                self.responses.pop("400", None)

    return Described


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
