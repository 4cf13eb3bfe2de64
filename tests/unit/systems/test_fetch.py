import asyncio
import gzip
import json

import aiohttp
import msgspec
import pytest
from aiohttp import web

from workers.systems.errors import (
    System,
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
    WrongReason,
)
from workers.systems.fetch import MAX_ANSWER_BYTES, Exchange

from .conftest import FarEnd, Handler


class Answer(msgspec.Struct, frozen=True):
    word: str


ANSWERS = msgspec.json.Decoder(Answer)
BIG_BYTES = 50_000_000


def reply_with(
    text: str = '{"word": "yes"}', *, status: int = 200, headers: dict[str, str] | None = None
) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers=headers)

    return handle


async def ask(session: aiohttp.ClientSession, url: str, *, deadline_ms: int = 10_000) -> Answer:
    exchange = Exchange(session, System.E_MAKET, url, deadline_ms)
    return await exchange.post("/ask", b"{}", ANSWERS, {})


async def failure_of(
    session: aiohttp.ClientSession, url: str, *, deadline_ms: int = 10_000
) -> SystemUnavailable | SystemAnsweredWrong:
    with pytest.raises((SystemUnavailable, SystemAnsweredWrong)) as caught:
        await ask(session, url, deadline_ms=deadline_ms)
    assert isinstance(caught.value, SystemUnavailable | SystemAnsweredWrong)
    return caught.value


async def test_an_answer_is_decoded_and_nothing_but_identity_is_accepted(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    asked: list[web.BaseRequest] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"word": "yes", "new_field": 1})

    answer = await ask(session, await far_end(handle))

    assert answer == Answer("yes")
    assert asked[0].path == "/ask"
    assert asked[0].headers.getall("Accept-Encoding") == ["identity"]
    assert asked[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (429, UnavailableReason.RATE_LIMITED),
        (500, UnavailableReason.STATUS),
        (502, UnavailableReason.STATUS),
        (503, UnavailableReason.STATUS),
        (401, UnavailableReason.STATUS),
        (403, UnavailableReason.STATUS),
        (408, UnavailableReason.STATUS),
        (425, UnavailableReason.STATUS),
    ],
)
async def test_a_status_that_will_pass_is_retryable(
    session: aiohttp.ClientSession, far_end: FarEnd, status: int, reason: UnavailableReason
) -> None:
    failure = await failure_of(session, await far_end(reply_with(status=status)))

    assert isinstance(failure, SystemUnavailable)
    assert (failure.reason, failure.retry_after_seconds) == (reason, None)


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 422])
async def test_a_refusal_that_we_caused_is_permanent(
    session: aiohttp.ClientSession, far_end: FarEnd, status: int
) -> None:
    failure = await failure_of(session, await far_end(reply_with(status=status)))

    assert isinstance(failure, SystemAnsweredWrong)
    assert (failure.reason, failure.code) == (WrongReason.REFUSED, status)


@pytest.mark.parametrize("status", [429, 503])
async def test_the_time_a_system_names_is_kept(
    session: aiohttp.ClientSession, far_end: FarEnd, status: int
) -> None:
    url = await far_end(reply_with(status=status, headers={"Retry-After": "17"}))

    failure = await failure_of(session, url)

    assert isinstance(failure, SystemUnavailable)
    assert failure.retry_after_seconds == 17


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    session: aiohttp.ClientSession, far_end: FarEnd, status: int
) -> None:
    visited: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        visited.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    failure = await failure_of(session, await far_end(handle))

    assert isinstance(failure, SystemAnsweredWrong)
    assert failure.reason is WrongReason.REDIRECTED
    assert visited == ["/ask"]


async def test_an_endless_answer_is_cut_off_long_before_its_end(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    chunk = b" " * 100_000
    written: list[int] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(BIG_BYTES // len(chunk)):
            await response.write(chunk)
            written.append(len(chunk))
        return response

    failure = await failure_of(session, await far_end(handle))

    assert isinstance(failure, SystemAnsweredWrong)
    assert failure.reason is WrongReason.TOO_LARGE
    assert sum(written) < BIG_BYTES


async def test_the_largest_answer_that_is_read_is_64_kib(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    full = json.dumps({"word": "yes"}).ljust(MAX_ANSWER_BYTES)

    answer = await ask(session, await far_end(reply_with(full)))
    failure = await failure_of(session, await far_end(reply_with(full + " ")))

    assert answer == Answer("yes")
    assert isinstance(failure, SystemAnsweredWrong)
    assert failure.reason is WrongReason.TOO_LARGE


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
async def test_a_compressed_answer_is_refused_unread(
    session: aiohttp.ClientSession, far_end: FarEnd, encoding: str
) -> None:
    bomb = gzip.compress(b" " * BIG_BYTES, compresslevel=1)

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": encoding})

    failure = await failure_of(session, await far_end(handle))

    assert isinstance(failure, SystemAnsweredWrong)
    assert failure.reason is WrongReason.ENCODED


async def test_a_reply_that_ends_too_early_is_a_broken_connection(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"word": "ye')
        assert request.transport is not None
        request.transport.close()
        return response

    failure = await failure_of(session, await far_end(handle))

    assert isinstance(failure, SystemUnavailable)
    assert failure.reason is UnavailableReason.CONNECTION


async def test_the_deadline_ends_a_reply_that_trickles(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport is not None:
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    failure = await failure_of(session, await far_end(handle), deadline_ms=200)

    assert isinstance(failure, SystemUnavailable)
    assert failure.reason is UnavailableReason.TIMEOUT


async def test_nobody_listening_is_a_call_that_was_never_made(
    session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    failure = await failure_of(session, f"http://127.0.0.1:{unused_tcp_port}")

    assert isinstance(failure, SystemUnavailable)
    assert failure.reason is UnavailableReason.UNREACHED


@pytest.mark.parametrize(
    "noise", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\n\xff\xfe: \x00\r\n\r\n", b"HTTP/1.1 200 OK\r\n"]
)
async def test_noise_instead_of_http_is_a_broken_connection(
    session: aiohttp.ClientSession, noise: bytes
) -> None:
    async def make_noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(noise)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(make_noise, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        failure = await failure_of(session, f"http://127.0.0.1:{port}")

    assert isinstance(failure, SystemUnavailable)
    assert failure.reason is UnavailableReason.CONNECTION


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK - 1 SMS",
        b"{}",
        b"[]",
        b"null",
        b'{"word": 1}',
        b'{"word": null}',
        b'{"word": "yes"',
        b'{"word": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"[" * 60_000,
        b'{"deep":' + b"[" * 60_000,
    ],
)
async def test_an_answer_of_another_shape_is_permanent(
    session: aiohttp.ClientSession, far_end: FarEnd, body: bytes
) -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    failure = await failure_of(session, await far_end(handle))

    assert isinstance(failure, SystemAnsweredWrong)
    assert failure.reason is WrongReason.WRONG_SCHEMA


async def test_a_cookie_that_a_system_sets_is_not_sent_back(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    cookies: list[str | None] = []

    async def handle(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.json_response({"word": "yes"}, headers={"Set-Cookie": "person=1; Path=/"})

    url = await far_end(handle)
    await ask(session, url)
    await ask(session, url)

    assert cookies == [None, None]
