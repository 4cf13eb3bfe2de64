"""Replies that a client must survive: endless, cut short, too large, packed, or not meant."""

import asyncio
import gzip
from functools import cache

from aiohttp import web

from loadtests.standins.wire import refusal

# Slow enough that no deadline worth setting sees the end, quick enough that a client sees it move.
TRICKLE_EVERY_SECONDS = 0.05

HUGE_BYTES = 50_000_000
_CHUNK = b" " * 100_000


def busy(retry_after_seconds: int) -> web.Response:
    reply = refusal(429, "too many requests")
    reply.headers["Retry-After"] = str(retry_after_seconds)
    return reply


async def trickle(request: web.Request) -> web.StreamResponse:
    """Send blank after blank for as long as somebody listens."""
    stream = await _begin(request)
    while request.transport is not None and not request.transport.is_closing():
        await stream.write(b" ")
        await asyncio.sleep(TRICKLE_EVERY_SECONDS)
    return stream


async def truncate(request: web.Request, reply: web.Response) -> web.StreamResponse:
    """Promise the whole, send half, and hang up."""
    body = _body_of(reply)
    stream = await _begin(request, {"Content-Length": str(len(body))})
    await stream.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return stream


async def huge(request: web.Request) -> web.StreamResponse:
    stream = await _begin(request)
    for _ in range(HUGE_BYTES // len(_CHUNK)):
        await stream.write(_CHUNK)
    return stream


def gzip_bomb() -> web.Response:
    return web.Response(body=_bomb(), headers={"Content-Encoding": "gzip"}, content_type="application/json")


# Once, for it takes a while.
@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * HUGE_BYTES, compresslevel=1)


def _body_of(reply: web.Response) -> bytes:
    body = reply.body
    return body if isinstance(body, bytes) else b"{}"


async def _begin(request: web.Request, headers: dict[str, str] | None = None) -> web.StreamResponse:
    stream = web.StreamResponse(headers={"Content-Type": "application/json", **(headers or {})})
    await stream.prepare(request)
    return stream
