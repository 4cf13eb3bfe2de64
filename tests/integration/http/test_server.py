import asyncio
import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import free_port
from tests.integration.http.journey import PROGRAMME, form, new_iban, new_iin, new_phone

ROOT = Path(__file__).parents[3]
UNREAD_SECONDS = 10
APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"


class Server:
    """`python -m gateway`, as the supervisor starts it."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.log = log
        self.port = int(environment["QABYLDAU_PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway"],
                cwd=ROOT,
                env=os.environ | environment,
                stdout=output,
                stderr=output,
            )

    def workers(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task")
        children = {int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()}
        return [pid for pid in sorted(children) if is_alive(pid)]

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def environment(redis_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "QABYLDAU_REDIS_URL": redis_url,
        "QABYLDAU_DATA_DIR": str(tmp_path),
        "QABYLDAU_PORT": str(free_port()),
        "QABYLDAU_GATEWAYS": "2",
        "QABYLDAU_BODY_TIMEOUT_MS": "300",
    }


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    server = Server(environment, tmp_path / "gateway.log")
    wait_until(lambda: is_listening(server.port))
    yield server
    server.process.terminate()
    server.process.wait()


def wait_until(is_so: Callable[[], object]) -> None:
    """The test's own time limit ends a wait in vain."""
    while not is_so():
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def is_listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def exchange(port: int, sent: bytes) -> bytes:
    """Send, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def head(*lines: str) -> bytes:
    start = [f"POST {APPLICATIONS} HTTP/1.1", "Host: gateway", "Content-Type: application/json"]
    return "\r\n".join([*start, *lines, "", ""]).encode()


async def test_several_processes_serve_one_port(server: Server) -> None:
    wait_until(lambda: len(server.workers()) == 2)
    async with aiohttp.ClientSession(server.url) as session:
        replies = await asyncio.gather(*(session.post(APPLICATIONS, json=form()) for _ in range(40)))
        facts = await session.get(f"/v1/programmes/{PROGRAMME}")

    assert {reply.status for reply in replies} == {202}
    assert facts.status == 200


async def test_a_process_that_is_killed_is_replaced(server: Server) -> None:
    wait_until(lambda: len(server.workers()) == 2)
    before = set(server.workers())

    os.kill(min(before), signal.SIGKILL)

    wait_until(lambda: len(set(server.workers()) | before) == 3)
    wait_until(lambda: is_listening(server.port))
    assert server.process.poll() is None
    async with aiohttp.ClientSession(server.url) as session:
        assert (await session.get("/health/live")).status == 200


def test_no_process_outlives_a_server_that_is_killed(server: Server) -> None:
    wait_until(lambda: len(server.workers()) == 2)
    workers = server.workers()

    server.process.kill()

    wait_until(lambda: not any(map(is_alive, workers)))


async def test_a_request_under_way_is_finished_before_the_end(server: Server) -> None:
    body = json.dumps(form()).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head(f"Content-Length: {len(body)}") + body[:10])
    await writer.drain()
    await asyncio.sleep(0.1)

    server.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.1)
    writer.write(body[10:])

    assert (await reader.readline()).startswith(b"HTTP/1.1 202")
    writer.close()
    await writer.wait_closed()
    assert await asyncio.to_thread(server.process.wait) == 0


@pytest.mark.parametrize(
    "sent", [b"", b"GET /health/live HTTP/1.1\r\nHost: "], ids=["nothing", "half a head"]
)
def test_headers_that_do_not_arrive_are_given_up(server: Server, sent: bytes) -> None:
    assert b"200 OK" not in exchange(server.port, sent)


def test_a_body_that_does_not_arrive_is_given_up(server: Server) -> None:
    answer = exchange(server.port, head("Content-Length: 500") + b'{"iin"')

    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"request_timeout"' in answer


def test_a_body_that_trickles_is_given_up(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        connection.settimeout(0.05)
        answer = b""
        while not answer:
            connection.sendall(b"1\r\n \r\n")
            try:
                answer = connection.recv(65_536)
            except TimeoutError:
                continue

    assert answer.startswith(b"HTTP/1.1 408")


def test_an_answer_that_nobody_reads_is_given_up(server: Server) -> None:
    facts = f"GET /v1/programmes/{PROGRAMME} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", server.port))
        client.settimeout(UNREAD_SECONDS / 10)
        stuck_at = time.monotonic()
        with suppress(TimeoutError):
            while True:
                client.sendall(facts * 100)
                stuck_at = time.monotonic()
        # Reading would make room; whoever only looks sees the connection end.
        poll = select.poll()
        poll.register(client, select.POLLHUP)
        assert poll.poll(3 * UNREAD_SECONDS * 1000)
        assert time.monotonic() - stuck_at > UNREAD_SECONDS / 2


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
async def test_a_body_of_two_megabytes_is_too_large(server: Server, *, announced: bool) -> None:
    body = b" " * 2_000_000

    async def chunks() -> object:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(server.url) as session:
        reply = await session.post(
            APPLICATIONS, data=io.BytesIO(body) if announced else chunks(), headers=headers
        )

    assert reply.status == 413
    assert (await reply.json(content_type=None))["code"] == "too_large"


@pytest.mark.parametrize(
    "headers",
    [{"Cookie": "c" * 20_000}, {"Cookie": "c" * 200_000}, {f"X-{at}": "x" for at in range(300)}],
    ids=["20 kB", "200 kB", "300 headers"],
)
async def test_headers_without_measure_are_too_large(server: Server, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession(server.url) as session:
        reply = await session.get("/health/live", headers=headers)

    assert reply.status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


async def test_no_log_line_or_answer_repeats_personal_data(server: Server) -> None:
    canaries = {
        "iin": new_iin(),
        "iban": new_iban(),
        "full_name": "Канарейка Жасырын",
        "email": "canary@example.kz",
    }
    phone = new_phone()
    sent = [*canaries.values(), phone, phone[2:], "canary-key", "192.0.2.77", "canary-path"]
    async with aiohttp.ClientSession(server.url, headers={"X-Forwarded-For": "192.0.2.77"}) as session:
        answers = await visit_everything(session, form(**canaries), phone)
    server.process.terminate()
    server.process.wait()

    texts = server.lines() + answers
    assert [text for text in texts if any(canary in text for canary in sent)] == []
    lines = [json.loads(line) for line in server.lines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["route"] for line in requests} >= {
        "/v1/applications/{application_id}",
        "/v1/programmes/{programme}/applications",
        "unmatched",
    }
    assert all(
        {"method", "route", "status", "duration_ms", "level", "timestamp"} <= set(line) for line in requests
    )
    assert all(isinstance(line["status"], int) for line in requests)
    assert any(re.fullmatch(r"42500-[a-z2-7]{26}", line.get("application_id", "")) for line in requests)


async def visit_everything(
    session: aiohttp.ClientSession, fields: dict[str, object], phone: str
) -> list[str]:
    """Send the same person's data wherever they can be sent, right and wrong; return the answers' bodies."""
    answers = []

    async def post(path: str, body: object, **headers: str) -> dict[str, str]:
        reply = await session.post(path, json=body, headers=headers)
        answers.append(await reply.text() + str(reply.headers))
        found: dict[str, str] = await reply.json(content_type=None)
        return found

    first = await post(APPLICATIONS, fields, **{"Idempotency-Key": "canary-key"})
    await post(APPLICATIONS, fields | {"full_name": "Канарейка"}, **{"Idempotency-Key": "canary-key"})
    bearer = {"Authorization": f"Bearer {first['receipt']}"}
    for field, value in fields.items():
        await post(APPLICATIONS, fields | {field: f"{value}?", str(value): value})
        await post(APPLICATIONS, {field: [value]})
        await post(f"/v1/programmes/{value}/precheck", fields)
    for path, body in [
        (f"/v1/applications/{first['id']}/phone", {"phone": phone}),
        (f"/v1/applications/{first['id']}/phone", {"phone": phone + "x"}),
        (f"/v1/applications/{first['id']}/confirmation", {"code": phone}),
        (f"/v1/applications/{phone}/confirmation", {"code": phone}),
        ("/v1/receipts", {"number": "42500-2026-0000001", "phone": phone}),
        ("/v1/receipts", {"number": phone, "phone": fields["iin"]}),
        ("/v1/decisions", {"application_id": fields["iin"], "reason": phone}),
        (f"/canary-path/{fields['iin']}?phone={phone}", {}),
    ]:
        await post(path, body, **bearer)
    async with session.get(f"/v1/applications/{first['id']}", headers=bearer) as reply:
        answers.append(await reply.text())
    return answers


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("QABYLDAU_REDIS_URL", ""),
        ("QABYLDAU_PORT", "none"),
        ("QABYLDAU_KEYS_FILE", "/nowhere"),
        ("QABYLDAU_X", "1"),
    ],
)
def test_wrong_settings_stop_the_start_with_one_line(
    environment: dict[str, str], variable: str, value: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "gateway"],
        cwd=ROOT,
        env=os.environ | environment | {variable: value},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
