"""The express lane: the two busiest calls of a surge, served without the framework around the same use case.

The framework's own routes for them serve whatever does not come by the plain path, and say it to OpenAPI.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from litestar.types import HTTPScope, Receive
from msgspec import Struct

from gateway.http.accepting import check_accept
from gateway.http.answers import Answer
from gateway.http.problems import answer_error
from gateway.http.request import Exchange

UseCase: TypeAlias = Callable[[Exchange], Awaitable[Answer]]


class Express(Struct, frozen=True):
    """`template`: the route's own path, as logs and metrics name it."""

    template: str
    use_case: UseCase


# By method and path.
Timetable: TypeAlias = dict[tuple[str, str], Express]


class Direct(Struct, frozen=True):
    scope: HTTPScope
    receive: Receive


async def ride(express: Express, exchange: Exchange) -> Answer:
    try:
        check_accept(exchange)
        return await express.use_case(exchange)
    except Exception as error:  # noqa: BLE001 - Whatever it is, the client is told, as the framework would.
        return answer_error(exchange, error)
