"""What a use case says, before anybody has put it on the wire."""

from functools import cache
from typing import Any

from litestar import Response
from litestar.types import Send
from msgspec import Struct

JSON = "application/json"

# Data and no pages: whoever opens an answer in a browser runs nothing and frames nothing.
OF_EVERY_ANSWER = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
NO_STORE = (b"cache-control", b"no-store")


# Our own names only, of which there are few.
@cache
def _wire_name(name: str) -> bytes:
    return name.lower().encode()


class Answer(Struct, frozen=True):
    status: int
    body: bytes
    headers: dict[str, str]
    media_type: str = JSON

    def as_response(self) -> Response[Any]:
        return Response(self.body, status_code=self.status, headers=self.headers, media_type=self.media_type)

    async def send(self, send: Send) -> None:
        headers = [
            (b"content-type", self.media_type.encode()),
            (b"content-length", b"%d" % len(self.body)),
            *OF_EVERY_ANSWER,
            NO_STORE,
        ]
        for name, value in self.headers.items():
            headers.append((_wire_name(name), value.encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
