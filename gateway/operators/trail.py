"""The audit trail, a page at a time."""

from typing import Annotated, Any, Final, TypeAlias

from litestar import get
from litestar.params import Parameter, PathParameter
from msgspec import Struct

from gateway.http.register_calls import ask_register
from gateway.http.request import AnyRequest
from gateway.http.wire import rfc3339
from gateway.operators.room import room_of
from gateway.register.chain import AuditLine
from gateway.register.tokens import Role

_MOST_LINES = 200

# What the register keeps a line's number in holds no more.
_HIGHEST: Final = 2**63 - 1

LineNumber: TypeAlias = Annotated[int, PathParameter(ge=1, le=_HIGHEST)]


class LineFacts(Struct, frozen=True):
    sequence: int
    at: str
    actor: str
    role: str
    action: str
    programme: str | None
    subject: str | None
    reason: str | None
    outcome: str
    details: dict[str, Any]


class LineList(Struct, frozen=True):
    """Newest first."""

    lines: list[LineFacts]


@get("/v1/audit", role=Role.VIEWER)
async def show_trail(
    request: AnyRequest,
    before: Annotated[int | None, Parameter(ge=1, le=_HIGHEST)] = None,
    limit: Annotated[int, Parameter(ge=1, le=_MOST_LINES)] = 50,
) -> LineList:
    lines = await ask_register(room_of(request).desk.trail.read(before, limit))
    return LineList([_facts(line) for line in lines])


def _facts(line: AuditLine) -> LineFacts:
    return LineFacts(
        line.sequence,
        rfc3339(line.at_ms),
        line.actor,
        line.role,
        line.action,
        line.programme,
        line.subject,
        line.reason,
        line.outcome,
        line.known_details,
    )
