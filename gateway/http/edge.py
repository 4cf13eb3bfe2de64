"""The outermost layer: what holds for every answer, whoever gives it, and one log line for each."""

import time

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from gateway.http.express import Direct, Timetable, ride
from gateway.http.metrics import count_request
from gateway.http.problems import answer_error
from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.request import Trace, fold_headers
from gateway.http.services import Services

# A browser with its cookies and a proxy's additions stays below half of this.
MOST_HEADER_BYTES = 16_384

# A method is what a client likes it to be; only these are written into logs and metrics.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_NO_STORE = (b"cache-control", b"no-store")
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Edge:
    def __init__(self, app: ASGIApp, services: Services, timetable: Timetable) -> None:
        self._app, self._services, self._timetable = app, services, timetable
        # Bound once: a lazy logger would be put together again for every line.
        self._log = structlog.get_logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began_at, status = time.perf_counter(), 0
        trace = scope["state"]["trace"] = Trace(self._services, fold_headers(scope["headers"]))

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_own(list(message["headers"]))
            await send(message)

        try:
            await self._serve(scope, receive, send_with_headers)
        finally:
            self._tell(scope, trace, status, time.perf_counter() - began_at)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        exchange = Direct(scope, receive)
        express = self._timetable.get((scope["method"], scope["path"]))
        if _header_bytes(scope) > MOST_HEADER_BYTES:
            # The rest of what is being sent is not worth reading.
            refusal = Refusal(ProblemCode.HEADERS_TOO_LARGE, headers={"Connection": "close"})
            await answer_error(exchange, refusal).send(send)
        elif express is not None:
            scope["path_template"] = express.template
            answer = await ride(express, exchange)
            await answer.send(send)
        else:
            await self._app(scope, receive, send)

    def _tell(self, scope: HTTPScope, trace: Trace, status: int, seconds: float) -> None:
        # The route's template, never the path: a path may hold an id, and whatever somebody typed.
        route = scope.get("path_template", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        count_request(route, method, status, trace.problem, seconds)
        bound = {} if trace.application_id is None else {"application_id": trace.application_id}
        if trace.problem is not None:
            bound["problem"] = trace.problem
        self._log.info(
            "request",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            **bound,
        )


def _header_bytes(scope: HTTPScope) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"])


def _with_own(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    headers.append(_NO_SNIFFING)
    # Only the facts of a programme say themselves how long they may be kept.
    if not any(name.lower() == b"cache-control" for name, _ in headers):
        headers.append(_NO_STORE)
    return headers
