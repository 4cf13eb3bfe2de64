"""A collector of traces: takes OTLP over HTTP, and keeps every byte."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import free_port


class Seen(msgspec.Struct, frozen=True):
    service: str
    name: str
    trace: str
    id: str
    parent: str
    facts: dict[str, str]


class Collector:
    def __init__(self, url: str) -> None:
        self.url = url
        self.received = b""
        self.spans: list[Seen] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.received += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = (
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            )
            self.spans += [
                Seen(
                    service,
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    {one.key: one.value.string_value for one in span.attributes},
                )
                for scope in resource.scope_spans
                for span in scope.spans
            ]
        return web.Response(content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    port = free_port()
    collector = Collector(f"http://127.0.0.1:{port}")
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield collector
    await runner.cleanup()
