"""The floor of an ASGI server: a POST is refused without a look at its body, a GET is answered at once."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

Send = Callable[[dict[str, Any]], Awaitable[None]]


def create_app() -> Callable[[dict[str, Any], Any, Send], Awaitable[None]]:
    size = int(os.environ["PEER_ANSWER_BYTES"])
    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
    refused = {"type": "http.response.start", "status": 503, "headers": headers}
    found = {"type": "http.response.start", "status": 200, "headers": headers}
    body = {"type": "http.response.body", "body": b"x" * size, "more_body": False}

    async def app(scope: dict[str, Any], _: Any, send: Send) -> None:
        if scope["type"] != "http":
            return
        await send(refused if scope["method"] == "POST" else found)
        await send(body)

    return app
