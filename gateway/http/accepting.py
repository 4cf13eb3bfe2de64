"""Whether the client can read what is answered here."""

from functools import lru_cache
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.request import Exchange, header_of

# Programs send few different lines; what is beyond was made up.
_MOST_KNOWN = 1_024

# The nearest range decides, whatever else is listed (RFC 9110, 12.5.1).
_RANGES = ("application/json", "application/*", "*/*")


async def guard_accept(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Serve as a guard; raises Refusal. Litestar would run a plain function in a thread."""
    check_accept(cast("Exchange", connection))


def check_accept(exchange: Exchange) -> None:
    """Raise Refusal."""
    accept = header_of(exchange, b"accept")
    if accept and not can_read_json(accept):
        raise Refusal(ProblemCode.NOT_ACCEPTABLE)


@lru_cache(_MOST_KNOWN)
def can_read_json(accept: str) -> bool:
    qualities: dict[str, float] = {}
    for item in accept.lower().split(","):
        media, *parameters = (part.strip() for part in item.split(";"))
        qualities[media] = max(qualities.get(media, 0.0), _quality(parameters))
    for known in _RANGES:
        if known in qualities:
            return qualities[known] > 0
    return False


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
