"""What every route reads from a request before its body."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec
from litestar import Request
from litestar.types import HTTPScope, Receive

from gateway.domain.texts import Language, pick_language
from gateway.http.services import Services

if TYPE_CHECKING:
    # The library under it is optional.
    from gateway.spans import Root

AnyRequest: TypeAlias = Request[Any, Any, Any]

Headers: TypeAlias = dict[bytes, bytes]


class Exchange(Protocol):
    """A request as use cases see it: the framework's, or the express lane's."""

    @property
    def scope(self) -> HTTPScope: ...

    @property
    def receive(self) -> Receive: ...


class Trace(msgspec.Struct):
    """What belongs to one request from its first byte to its log line."""

    services: Services
    headers: Headers
    # Of names and values as they came.
    header_bytes: int
    # Nothing was answered while this is 0.
    status: int = 0
    application_id: str | None = None
    problem: str | None = None
    span: "Root | None" = None


def fold_headers(raw: Iterable[tuple[bytes, bytes]]) -> tuple[Headers, int]:
    """Read each once, and return how many bytes they are.

    One sent twice reads as a list (RFC 9110), which no single value looks like.
    """
    headers: Headers = {}
    size = 0
    for name, value in raw:
        size += len(name) + len(value)
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers, size


def services_of(exchange: Exchange) -> Services:
    return trace_of(exchange).services


def trace_of(exchange: Exchange) -> Trace:
    trace: Trace = exchange.scope["state"]["trace"]
    return trace


def header_of(exchange: Exchange, name: bytes) -> str | None:
    value = trace_of(exchange).headers.get(name)
    return None if value is None else value.decode("latin-1")


def language_of(exchange: Exchange) -> Language:
    return pick_language(header_of(exchange, b"accept-language"))
