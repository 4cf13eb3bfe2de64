"""What `tracing.py` does once there is a collector: OpenTelemetry's SDK, sending OTLP over HTTP.

Spans are sent by a thread of their own. What its queue cannot hold, or nobody takes, is lost.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

from opentelemetry.context import Context, get_current
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, SpanKind, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.tracing import Fact

# The deadline of a call, and how long the end of a process waits for what is left.
_SECONDS = 2.0

# One request in a hundred at the busiest door fills it in about a minute: a collector may restart meanwhile.
_MOST_WAITING = 2_048

_W3C = TraceContextTextMapPropagator()


class Root:
    """The span of a request: the beginning of a trace."""

    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def context(self) -> str:
        """By this text the trace is continued, wherever it is carried (W3C traceparent)."""
        # None where the library's own variable OTEL_SDK_DISABLED says so.
        return _headers(set_span_in_context(self._span)).get("traceparent", "")

    def tell(self, **facts: Fact) -> None:
        self._span.set_attributes(facts)

    def end(self, method: str, route: str, status: int, **facts: Fact) -> None:
        self._span.update_name(f"{method} {route}")
        # As OpenTelemetry's conventions for HTTP name them.
        answer: dict[str, Fact] = {"http.request.method": method, "http.route": route}
        self._span.set_attributes({**answer, "http.response.status_code": status, **facts})
        self._span.end()


class Spans:
    def __init__(self, service: str, url: str) -> None:
        # With the collector away it would say so for each batch, and repeat what it got for an answer.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=_SECONDS)
        # What is begun here was chosen before.
        self._provider = TracerProvider(
            ALWAYS_ON, Resource.create({SERVICE_NAME: service}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_MOST_WAITING))
        self._tracer = self._provider.get_tracer("qabyldau")

    def close(self) -> None:
        # By itself it would take half a minute for a collector that does not answer.
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_SECONDS)

    def root(self) -> Root:
        return Root(self._tracer.start_span("request", Context(), SpanKind.SERVER))

    @contextmanager
    def stretch(self, name: str, carried: str, facts: Mapping[str, Fact]) -> Iterator[None]:
        around = _W3C.extract({"traceparent": carried}) if carried else get_current()
        if not get_current_span(around).get_span_context().is_valid:
            yield
            return
        with self._tracer.start_as_current_span(
            name, around, attributes=facts, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                # Told by its type only, for its message may repeat what it stumbled over.
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(StatusCode.ERROR)
                raise

    def tell(self, facts: Mapping[str, Fact]) -> None:
        get_current_span().set_attributes(facts)

    def headers(self) -> dict[str, str]:
        return _headers(get_current())


def _headers(context: Context) -> dict[str, str]:
    headers: dict[str, str] = {}
    _W3C.inject(headers, context)
    return headers
