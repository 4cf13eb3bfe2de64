"""The exchange with a system we do not trust to be quick, small or right: everything about it is bounded."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

import aiohttp
import msgspec

from gateway.tracing import TRACES
from workers.systems.errors import (
    System,
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
    WrongReason,
)

T = TypeVar("T")

# The largest honest answer is some hundred bytes.
MAX_ANSWER_BYTES = 64 * 1024

# However late a time a system names, it is asked after this one: its slip must not hold a case for good.
MAX_RETRY_AFTER_SECONDS = 3600.0

# Refusals of us or of the moment, not of this case: it is kept until somebody has put the cause right.
_RETRYABLE_STATUSES = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}
)

_SECONDS = re.compile(r"[0-9]{1,9}")


def open_session() -> aiohttp.ClientSession:
    """Open the session for all clients of a worker: no cookies, no proxy from the environment.

    It has no limit of connections, so that a system which hangs does not use up what the others need;
    the bound is the worker's number of jobs at once.
    """
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar())


class Exchange:
    """One system's line. `deadline_ms` covers a call from connecting to the last byte."""

    def __init__(
        self, session: aiohttp.ClientSession, system: System, base_url: str, deadline_ms: int
    ) -> None:
        self._session = session
        self._system = system
        self._base_url = base_url.rstrip("/")
        self._deadline_seconds = deadline_ms / 1000

    async def post(
        self, path: str, body: bytes, decoder: msgspec.json.Decoder[T], headers: Mapping[str, str]
    ) -> T:
        """Send JSON, unless `headers` say otherwise. Raises SystemUnavailable and SystemAnsweredWrong."""
        try:
            async with (
                asyncio.timeout(self._deadline_seconds),
                self._session.post(
                    self._base_url + path,
                    data=body,
                    headers={
                        "Content-Type": "application/json",
                        "Accept": "application/json",
                        "Accept-Encoding": "identity",
                        **TRACES.headers(),
                        **headers,
                    },
                    allow_redirects=False,
                    # A compressed answer is refused below, and must not be inflated before that.
                    auto_decompress=False,
                ) as response,
            ):
                self._check_head(response)
                content = await self._read(response)
        except TimeoutError:
            reason = UnavailableReason.TIMEOUT
        except aiohttp.ClientConnectorError:
            reason = UnavailableReason.UNREACHED
        except aiohttp.ClientError:
            reason = UnavailableReason.CONNECTION
        else:
            return self._decode(content, decoder)
        raise SystemUnavailable(self._system, reason)

    def _check_head(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        retry_after_seconds = parse_retry_after(response.headers.get("Retry-After"))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise SystemUnavailable(self._system, UnavailableReason.RATE_LIMITED, retry_after_seconds)
        if status in _RETRYABLE_STATUSES or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise SystemUnavailable(self._system, UnavailableReason.STATUS, retry_after_seconds)
        if status >= HTTPStatus.BAD_REQUEST:
            raise SystemAnsweredWrong(self._system, WrongReason.REFUSED, status)
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise SystemAnsweredWrong(self._system, WrongReason.REDIRECTED, status)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise SystemAnsweredWrong(self._system, WrongReason.ENCODED)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise SystemAnsweredWrong(self._system, WrongReason.TOO_LARGE)
        return bytes(content)

    def _decode(self, content: bytes, decoder: msgspec.json.Decoder[T]) -> T:
        # The decoder's messages repeat what they refuse, so the error is raised outside of its context.
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return decoder.decode(content)
        raise SystemAnsweredWrong(self._system, WrongReason.WRONG_SCHEMA)


def parse_retry_after(header: str | None) -> float | None:
    """Read both forms of RFC 9110 §10.2.3 as seconds from now, never negative; None for nonsense."""
    if header is None:
        return None
    if _SECONDS.fullmatch(header):
        return min(float(header), MAX_RETRY_AFTER_SECONDS)
    try:
        until = parsedate_to_datetime(header).replace(tzinfo=UTC)
    except ValueError:
        return None
    return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)
