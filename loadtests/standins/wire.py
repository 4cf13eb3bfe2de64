"""How every stand-in reads a body and writes an answer."""

from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import web

Iin = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{12}\Z")]
Phone = Annotated[str, msgspec.Meta(pattern=r"\A\+7[0-9]{10}\Z")]
NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
T = TypeVar("T")


def answer(content: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


def refusal(status: int, error: str) -> web.Response:
    return answer({"error": error}, status)


def bad_request(error: str) -> web.HTTPBadRequest:
    text = msgspec.json.encode({"error": error}).decode()
    return web.HTTPBadRequest(text=text, content_type="application/json")


async def read_json(request: web.Request, of: type[T]) -> T:
    """Raise HTTPBadRequest, saying what is wrong, when the body is not `of`."""
    try:
        return msgspec.json.decode(await request.read(), type=of)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise bad_request(str(wrong)) from None
