"""Reading what an operator sends: JSON only, of a bounded size, within a deadline, and strictly."""

import asyncio
from typing import TypeVar

import msgspec

from gateway.http.bodies import decode_object
from gateway.http.request import AnyRequest
from gateway.operators.problems import Problem, Refused

# Three messages of 500 characters, written as \uXXXX, and all controls are less than a fifth of this.
MOST_BODY_BYTES = 65_536

_DEADLINE_SECONDS = 5.0

T = TypeVar("T")


async def read_body(request: AnyRequest, type_: type[T]) -> T:
    """Raise Refused, Refusal for what is no JSON, or the framework's error for too many bytes."""
    if request.content_type[0] != "application/json":
        raise Refused(Problem.UNSUPPORTED_MEDIA_TYPE)
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            body = await request.body()
    except TimeoutError:
        raise Refused(Problem.REQUEST_TIMEOUT) from None
    try:
        return msgspec.convert(decode_object(body), type_)
    except msgspec.ValidationError:
        # Its words could repeat what was sent.
        raise Refused(Problem.MALFORMED) from None
