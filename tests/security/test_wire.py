"""Odd HTTP on both ports, byte by byte: one answer or none, and never somebody else's."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.conftest import free_port
from tests.integration.http.journey import form
from tests.integration.operators.processes import running, wait_until
from tests.security.people import APPLICATIONS
from tests.security.serving import Served

TARGETS = {"public": b"/health/live", "operators": b"/"}
PUBLIC = b"GET /v1/programmes/42500 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def ports(gateway: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    port = free_port()
    own = {name: value for name, value in gateway.environ.items() if name.startswith("QABYLDAU_")}
    environment = {**own, "QABYLDAU_OPERATORS_PORT": str(port)}
    log = tmp_path_factory.mktemp("operators") / "operators.log"
    with running("gateway.operators.serve", environment, log):
        wait_until(lambda: is_listening(port))
        yield {"public": gateway.port, "operators": port}


def exchange(port: int, sent: bytes) -> bytes:
    """Send, and read until the server closes; whoever says no sooner than all is sent may break it off."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        received = b""
        with suppress(ConnectionError):
            connection.sendall(sent)
        with suppress(ConnectionError):
            while part := connection.recv(65_536):
                received += part
        return received


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

# Refused by the server before the application hears of it.
REFUSED = {
    "two lengths": b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "a signed length": b"Content-Length: +5\r\n\r\nabcde",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a coding after chunked": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded header": b"X-A: b\r\n c\r\n\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a NUL in a header": b"X-A: b\0c\r\n\r\n",
    "an escape sequence": b"User-Agent: \x1b[2J\r\n\r\n",
}


@pytest.mark.parametrize("where", TARGETS)
@pytest.mark.parametrize("rest", REFUSED.values(), ids=REFUSED.keys())
def test_what_two_readers_could_read_differently_is_refused(
    ports: dict[str, int], where: str, rest: bytes
) -> None:
    head = b"POST " + TARGETS[where] + b" HTTP/1.1\r\nHost: x\r\n"

    assert statuses(exchange(ports[where], head + rest)) == [400]


@pytest.mark.parametrize("where", TARGETS)
def test_a_length_beside_chunks_smuggles_nothing(ports: dict[str, int], where: str) -> None:
    head = (
        b"POST " + TARGETS[where] + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked"
    )

    assert statuses(exchange(ports[where], head + b"\r\n\r\n0\r\n\r\n" + SMUGGLED)) == [405]


@pytest.mark.parametrize("where", TARGETS)
@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET %s HTTP/1.0\r\n", 200),
        (b"GET http://elsewhere%s HTTP/1.1\r\nConnection: close\r\n", 200),
        (b"GET %s HTTP/1.1\r\nHost: x\r\nX-HTTP-Method-Override: DELETE\r\nConnection: close\r\n", 200),
        (b"GET %s\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n", 400),
        (b"TRACE %s HTTP/1.1\r\nHost: x\r\nX-Secret: s\r\nConnection: close\r\n", 405),
        (b"GET /console/../../app.py HTTP/1.1\r\nConnection: close\r\n", 404),
        (b"GET /console/..%%2f..%%2fapp.py HTTP/1.1\r\nConnection: close\r\n", 404),
        (b"GET /console/%%00 HTTP/1.1\r\nConnection: close\r\n", 404),
        (b"GET //elsewhere%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", 404),
        (b"GET /v1/%%ff%%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", 404),
    ],
)
def test_odd_request_lines_are_answered_once(
    ports: dict[str, int], where: str, start: bytes, status: int
) -> None:
    line = start % TARGETS[where] if b"%s" in start else start.replace(b"%%", b"%")
    answer = exchange(ports[where], line + b"\r\n")

    assert statuses(answer) == [status]
    assert b"X-Secret" not in answer


@pytest.mark.parametrize("where", TARGETS)
@pytest.mark.parametrize(
    ("sent", "expected"),
    [(b"X: " + b"a" * 300_000, 431), (b"\r\n".join(b"X-%d: a" % n for n in range(300)), 431)],
    ids=["300 kB", "300 headers"],
)
def test_headers_without_measure_are_refused(
    ports: dict[str, int], where: str, sent: bytes, expected: int
) -> None:
    head = b"GET " + TARGETS[where] + b" HTTP/1.1\r\nHost: x\r\n"

    assert statuses(exchange(ports[where], head + sent + b"\r\n\r\n")) == [expected]


def test_headers_that_do_not_end_are_given_up(ports: dict[str, int]) -> None:
    waiting = [socket.create_connection(("127.0.0.1", port), timeout=20) for port in ports.values()]
    for connection in waiting:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")

    assert [connection.recv(1) for connection in waiting] == [b"", b""]
    for connection in waiting:
        connection.close()


@pytest.mark.parametrize("where", TARGETS)
@pytest.mark.parametrize("path", [b"", b"nowhere"])
def test_answers_are_armed_and_tell_no_other_site_anything(
    ports: dict[str, int], where: str, path: bytes
) -> None:
    head = b"GET " + TARGETS[where] + path + b" HTTP/1.1\r\nHost: x\r\nOrigin: https://elsewhere\r\n"
    answer = exchange(ports[where], head + b"Connection: close\r\n\r\n").lower()
    headers = dict(line.split(b": ", 1) for line in answer.split(b"\r\n\r\n")[0].split(b"\r\n")[1:])

    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert headers[b"cache-control"] in {b"no-store", b"no-cache"}
    assert not [name for name in headers if name.startswith(b"access-control-") or name == b"x-powered-by"]


def test_two_receipts_are_none_and_two_lines_of_proxies_are_one(gateway: Served) -> None:
    bearer = b"Authorization: Bearer " + b"a" * 43 + b"\r\n"
    path = b"GET /v1/applications/42500-" + b"a" * 26 + b" HTTP/1.1\r\nConnection: close\r\n"
    forwarded = b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: 203.0.113.9\r\n"

    assert statuses(exchange(gateway.port, path + bearer + bearer + b"\r\n")) == [404]
    assert statuses(exchange(gateway.port, PUBLIC + forwarded + b"\r\n")) == [200]


def test_what_somebody_writes_into_headers_stands_in_no_log(gateway: Served) -> None:
    odd = b'User-Agent: ${jndi:ldap://x} \xe2\x80\xae\r\nX-Forwarded-For: {"event":"forged"}\r\n'
    assert statuses(exchange(gateway.port, PUBLIC.replace(b"GET", b"FORGED") + odd + b"\r\n")) == [405]
    assert statuses(exchange(gateway.port, PUBLIC.replace(b"42500", b"forged%0a") + odd + b"\r\n")) == [404]

    log = gateway.log.read_text()
    assert "jndi" not in log
    assert "orged" not in log
    assert all(json.loads(line)["event"] for line in log.splitlines())


def test_a_name_in_any_script_is_taken_and_what_hides_or_turns_text_is_not(gateway: Served) -> None:
    names = {
        "Әбдіғаппар Ұлдай": 202, "Ōe Kenzaburō": 202, "刘伟": 202,
        "O\N{RIGHT SINGLE QUOTATION MARK}Коннор": 202,
        "Ив\u202eан": 422, "И\u200bван": 422, "Иван\x00": 422, "Иван\nПётр": 422, "\u0301\u0301": 422,
        "\ufeffИван": 422, "А" * 201: 422, "🙂🙂": 422,
    }  # fmt: skip
    with gateway.client() as client:
        got = {name: client.post(APPLICATIONS, form(full_name=name)).status for name in names}

    assert got == names
