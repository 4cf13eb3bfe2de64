"""Reading a body: JSON only, of a bounded size, within a deadline, and strictly."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import NoReturn

from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.request import Exchange, header_of
from gateway.http.services import BodyLimits

_CONTENT_TYPE = re.compile(r'application/json\s*(?:;\s*charset="?utf-8"?\s*)?', re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")

# A client that is cut off while it sends does not read the answer. So what is too large is read and thrown
# away, up to a size that nobody sends by mistake.
MOST_DISCARDED_BYTES = 16_777_216

_TOO_SLOW = "the body is too slow"

# What is left of a body that was not read would be taken for the next request.
_CLOSE = {"Connection": "close"}


async def read_body(exchange: Exchange, limits: BodyLimits) -> bytes:
    """Raise Refusal for another type, too many bytes, or a body that does not arrive in time."""
    length = header_of(exchange, b"content-length") or "0"
    if _LENGTH.fullmatch(length) is None or int(length) > MOST_DISCARDED_BYTES:
        raise Refusal(ProblemCode.TOO_LARGE, headers=_CLOSE)
    body = await _receive_in_time(exchange, limits)
    if not _CONTENT_TYPE.fullmatch(header_of(exchange, b"content-type") or ""):
        raise Refusal(ProblemCode.UNSUPPORTED_MEDIA_TYPE)
    if (header_of(exchange, b"content-encoding") or "identity").lower() != "identity":
        raise Refusal(ProblemCode.UNSUPPORTED_MEDIA_TYPE)
    return body


async def _receive_in_time(exchange: Exchange, limits: BodyLimits) -> bytes:
    # As `asyncio.timeout` does it, without its four calls: nearly every body is there already.
    loop, reading = asyncio.get_running_loop(), asyncio.current_task()
    if reading is None:
        raise RuntimeError("a body is read within a task")
    alarm = loop.call_later(limits.timeout_seconds, reading.cancel, _TOO_SLOW)
    try:
        return await _receive(exchange, limits.most_bytes)
    except asyncio.CancelledError as cancelled:
        if cancelled.args != (_TOO_SLOW,):
            raise
        reading.uncancel()
        raise Refusal(ProblemCode.REQUEST_TIMEOUT, headers=_CLOSE) from None
    finally:
        alarm.cancel()


async def _receive(exchange: Exchange, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await exchange.receive()
        if message["type"] != "http.request":
            # The client has gone; nobody reads this answer.
            raise Refusal(ProblemCode.REQUEST_TIMEOUT)
        size += len(message["body"])
        if size > MOST_DISCARDED_BYTES:
            raise Refusal(ProblemCode.TOO_LARGE, headers=_CLOSE)
        if size <= most_bytes:
            parts.append(message["body"])
        if not message["more_body"]:
            break
    if size > most_bytes:
        raise Refusal(ProblemCode.TOO_LARGE)
    return b"".join(parts)


def decode_object(body: bytes) -> dict[str, object]:
    """Raise Refusal for anything but one JSON object in clean UTF-8 without duplicate keys."""
    try:
        decoded = _DECODER.decode(body.decode("utf-8"))
        # A lone surrogate, written as an escape, is no text: it cannot be encoded again.
        json.dumps(decoded, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Refusal(ProblemCode.MALFORMED) from None
    if not isinstance(decoded, dict):
        raise Refusal(ProblemCode.MALFORMED)
    return decoded


def _without_duplicates(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands there twice")
    return fields


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
