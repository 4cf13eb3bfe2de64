"""One trace leads from a form to E-Maket; without a collector there is nothing, and nothing waits for one."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from config.settings import SettingsError
from gateway.tracing import Tracing
from loadtests.standins.app import create_standins
from loadtests.surge.books.traces import disguises
from tests.conftest import free_port
from tests.e2e.applicants import Accepted, Applicant, Crowd, open_session
from tests.e2e.collector import Collector, Seen, collecting
from tests.e2e.stack import ROOT, Stack

ROUTE = "/v1/programmes/{programme}/applications"
SUBMISSION = f"POST {ROUTE}"

# A traceparent that somebody outside made up.
FOREIGN = "f" * 32

# Starts what a process of the gateway starts, and prints what of the library that has brought. Litestar looks
# for a plugin of its own, and finds names of attributes.
REPORT_MODULES = """
import sys
import gateway.app, workers.main
gateway.app.app_from_environment()
library = ("gateway.spans", "google.protobuf", "opentelemetry.exporter", "opentelemetry.sdk", "requests")
print([name for name in sys.modules if name.startswith(library)])
"""


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with collecting() as collector:
        yield collector


@pytest.fixture
async def e_maket() -> AsyncIterator[tuple[str, list[str]]]:
    """An E-Maket that never decides: its address, and each traceparent that it was told."""
    told: list[str] = []

    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        told.append(request.headers.get("traceparent", ""))
        response: web.StreamResponse = await handler(request)
        return response

    app, port = create_standins("http://127.0.0.1:1", b"-", decide_after_ms=3_600_000), free_port()
    app.middlewares.append(note)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/e-maket", told
    await runner.cleanup()


@asynccontextmanager
async def running(data_dir: Path, **settings: str) -> AsyncIterator[Stack]:
    """Start and stop beside the loop, in which the collector lives."""
    stack = Stack(data_dir, **settings)
    await asyncio.to_thread(stack.start)
    try:
        yield stack
    finally:
        await asyncio.to_thread(stack.stop)


async def apply_and_be_forwarded(stack: Stack) -> Accepted:
    async with open_session() as session:
        session.headers["traceparent"] = f"00-{FOREIGN}-{'f' * 16}-01"
        crowd = Crowd(session, stack.gateway, stack.standins)
        one = await crowd.apply(Applicant(7))
        await crowd.until_all([one], "forwarded", seconds=30)
        return one


def trace_of(one: Accepted, spans: list[Seen]) -> dict[str, Seen]:
    """Return the spans of this application's trace by their names."""
    submission = next(
        span for span in spans if span.name == SUBMISSION and span.facts.get("application_id") == one.id
    )
    return {span.name: span for span in spans if span.trace == submission.trace}


@pytest.mark.e2e
async def test_one_trace_leads_from_the_form_through_the_queue_to_e_maket(
    tmp_path: Path, collector: Collector, e_maket: tuple[str, list[str]]
) -> None:
    address, told = e_maket
    async with running(tmp_path, traces_url=collector.url, traces_share="1", e_maket_url=address) as stack:
        one = await apply_and_be_forwarded(stack)

    # Gateway and worker have sent what was left when they stopped.
    trace = trace_of(one, collector.spans)
    assert set(trace) == {SUBMISSION, "case", "register", "verify", "forward"}
    assert trace[SUBMISSION].parent == ""
    assert trace["case"].parent == trace[SUBMISSION].id
    assert {trace[step].parent for step in ("register", "verify", "forward")} == {trace["case"].id}
    # Its last part are flags: that the trace is recorded, and its id random.
    assert [one.rpartition("-")[0] for one in told] == [f"00-{trace['case'].trace}-{trace['forward'].id}"]
    assert {span.service for span in trace.values()} == {"qabyldau-gateway", "qabyldau-worker"}
    assert trace[SUBMISSION].facts["http.route"] == ROUTE
    assert trace[SUBMISSION].facts["category"] == trace["register"].facts["category"]
    assert trace["verify"].facts == {"verdict": "passed", "state": "forwarding"}
    check_nothing_personal(one, collector.received)


def check_nothing_personal(one: Accepted, received: bytes) -> None:
    personal = [*one.applicant.secrets_in_clear, one.applicant.address, one.receipt]
    found = [secret for secret in personal for needle in disguises(secret) if needle in received]
    assert found == []
    assert FOREIGN not in received.hex()
    assert one.id.encode() in received


@pytest.mark.e2e
async def test_an_application_goes_through_while_the_collector_is_away(
    tmp_path: Path, e_maket: tuple[str, list[str]]
) -> None:
    address, told = e_maket
    nobody = f"http://127.0.0.1:{free_port()}"
    async with running(tmp_path, traces_url=nobody, traces_share="1", e_maket_url=address) as stack:
        await apply_and_be_forwarded(stack)

    said = stack.log.read_text()
    assert len(told) == 1
    assert [line for line in said.splitlines() if "opentelemetry" in line or "urllib3" in line] == []


async def test_an_exception_is_told_without_its_message(collector: Collector) -> None:
    tracing, secret = Tracing(), "900101300423"
    tracing.begin("test", collector.url, share=1.0)
    root = tracing.root()
    assert root is not None

    with pytest.raises(RuntimeError), tracing.span("case", root.context):
        raise RuntimeError(secret)
    await asyncio.to_thread(tracing.end)

    (span,) = collector.spans
    assert span.facts == {"error.type": "RuntimeError"}
    assert secret.encode() not in collector.received


async def test_what_was_not_chosen_carries_nothing_and_sends_nothing(collector: Collector) -> None:
    tracing = Tracing()
    tracing.begin("test", collector.url, share=0.0)

    root = tracing.root()
    with tracing.span("case", ""), tracing.span("forward"):
        headers = tracing.headers()
    await asyncio.to_thread(tracing.end)

    assert (root, headers, collector.received) == (None, {}, b"")


def test_without_a_collector_nothing_of_the_library_is_imported(redis_url: str, tmp_path: Path) -> None:
    environment = {"QABYLDAU_REDIS_URL": redis_url, "QABYLDAU_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", REPORT_MODULES],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == "[]\n"


def test_a_collector_without_the_library_stops_the_start(tmp_path: Path) -> None:
    # An installation that has msgspec and nothing else.
    (tmp_path / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "QABYLDAU_TRACES_URL": "http://127.0.0.1:4318"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", "from config.settings import load_settings; load_settings()"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"config.settings.{SettingsError.__name__}: traces_url")
    assert "requirements/traces.txt" in last
