"""What every route reads from a request before its body."""

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias, cast

import msgspec
from litestar import Request
from litestar.types import HTTPScope, Receive

from gateway.domain.texts import Language, pick_language
from gateway.http.services import Services

AnyRequest: TypeAlias = Request[Any, Any, Any]

RawHeaders: TypeAlias = Iterable[tuple[bytes, bytes]]


class Exchange(Protocol):
    """A request as use cases see it: the framework's, or the express lane's."""

    @property
    def scope(self) -> HTTPScope: ...

    @property
    def receive(self) -> Receive: ...


class Trace(msgspec.Struct):
    """What the log line of a request says beside its method, route and status."""

    application_id: str | None = None
    problem: str | None = None


def services_of(exchange: Exchange) -> Services:
    return cast("Services", exchange.scope["state"]["services"])


def trace_of(exchange: Exchange) -> Trace:
    return cast("Trace", exchange.scope["state"]["trace"])


def header_of(headers: RawHeaders, name: bytes) -> str | None:
    """Return a header; one sent twice reads as a list (RFC 9110), which no single value looks like."""
    values = [value for key, value in headers if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def language_of(headers: RawHeaders) -> Language:
    return pick_language(header_of(headers, b"accept-language"))
