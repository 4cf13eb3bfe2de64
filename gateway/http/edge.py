"""The outermost layer: what holds for every answer, whoever gives it, and one log line for each."""

import logging
import time

import structlog
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Send

from gateway.http.answers import NO_STORE, OF_EVERY_ANSWER, Answer
from gateway.http.express import Direct, Timetable, ride
from gateway.http.metrics import count_request
from gateway.http.problems import answer_error
from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.request import Trace, fold_headers
from gateway.http.services import Services
from gateway.tracing import TRACES

# A browser with its cookies and a proxy's additions stays below half of this.
MOST_HEADER_BYTES = 16_384

_LOOKS = "/v1/applications/"

# A method is what a client likes it to be; only these are written into logs and metrics.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Edge:
    """`app` serves what is not on the timetable."""

    def __init__(self, app: ASGIApp, services: Services, timetable: Timetable) -> None:
        self._app, self._services, self._timetable = app, services, timetable
        # Bound once: a lazy logger would be put together again for every line.
        self._log = structlog.get_logger().bind()
        self._tells = self._log.is_enabled_for(logging.INFO)

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        began_at = time.perf_counter()
        trace = Trace(self._services, *fold_headers(scope["headers"]), span=TRACES.root())
        scope.setdefault("state", {})["trace"] = trace
        try:
            answer = await self._ride(scope, receive, trace)
            if answer is None:
                await self._app(scope, receive, _with_own_headers(trace, send))
            else:
                trace.status = answer.status
                await answer.send(send)
        finally:
            self._tell(scope, trace, time.perf_counter() - began_at)

    async def _ride(self, scope: HTTPScope, receive: Receive, trace: Trace) -> Answer | None:
        """Return None for what the framework serves."""
        exchange = Direct(scope, receive)
        if trace.header_bytes > MOST_HEADER_BYTES:
            # The rest of what is being sent is not worth reading.
            refusal = Refusal(ProblemCode.HEADERS_TOO_LARGE, headers={"Connection": "close"})
            return answer_error(exchange, refusal)
        express = self._timetable.get((scope["method"], scope["path"]))
        if express is None:
            return self._put_off(scope, exchange)
        scope["path_template"] = express.template
        return await ride(express, exchange)

    def _put_off(self, scope: HTTPScope, exchange: Direct) -> Answer | None:
        """Refuse a look at an application while the process has more to do than it can: before any route."""
        if scope["method"] == "GET" and scope["path"].startswith(_LOOKS):
            try:
                self._services.crowd.check_room_to_look()
            except Refusal as refusal:
                scope["path_template"] = f"{_LOOKS}{{application_id}}"
                return answer_error(exchange, refusal)
        return None

    def _tell(self, scope: HTTPScope, trace: Trace, seconds: float) -> None:
        # The route's template, never the path: a path may hold an id, and whatever somebody typed.
        route = scope.get("path_template", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        count_request(route, method, trace.status, trace.problem, seconds)
        if not self._tells and trace.span is None:
            return
        bound = {} if trace.application_id is None else {"application_id": trace.application_id}
        if trace.problem is not None:
            bound["problem"] = trace.problem
        duration_ms = round(seconds * 1000, 1)
        self._log.info(
            "request", method=method, route=route, status=trace.status, duration_ms=duration_ms, **bound
        )
        if trace.span is not None:
            trace.span.end(method, route, trace.status, **bound)


def _with_own_headers(trace: Trace, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            trace.status = message["status"]
            headers = [*message["headers"], *OF_EVERY_ANSWER]
            # Only the facts of a programme say themselves how long they may be kept.
            if not any(name.lower() == NO_STORE[0] for name, _ in headers):
                headers.append(NO_STORE)
            message["headers"] = headers
        await send(message)

    return send_with_headers
