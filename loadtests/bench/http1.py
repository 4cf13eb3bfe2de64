"""One keep-alive connection to an HTTP/1.1 server: one request at a time, read as far as needed."""

import asyncio
from typing import NamedTuple, Protocol, cast

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length"
# Where it stands in `HTTP/1.1 202 Accepted`.
_STATUS = slice(9, 12)


class Answer(NamedTuple):
    """`head`: status line and headers in small letters."""

    status: int
    head: bytes
    body: bytes


class Owner(Protocol):
    def answered(self, connection: "Connection", answer: Answer) -> None:
        """Take an answer; the connection is free for the next request unless it `is_closed`."""

    def lost(self, connection: "Connection") -> None:
        """The connection is gone, and with it the answer to a request that was under way."""


class Connection(asyncio.Protocol):
    __slots__ = ("_owner", "_part", "_transport", "is_closed")

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._part = b""
        self.is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def close(self) -> None:
        self.is_closed = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        data = self._part + data
        start = data.find(_HEAD_END) + len(_HEAD_END)
        head = data[:start].lower()
        end = start + int(header(head, _LENGTH) or 0)
        if not head.endswith(_HEAD_END) or len(data) < end:
            self._part = data
            return
        self._part = b""
        if header(head, b"connection") == b"close":
            self.close()
        self._owner.answered(self, Answer(int(head[_STATUS]), head, data[start:end]))

    def connection_lost(self, _: Exception | None) -> None:
        self.is_closed = True
        self._owner.lost(self)


def header(head: bytes, name: bytes) -> bytes | None:
    """Return a header's value out of a head in small letters."""
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    return head[start : head.find(b"\r\n", start)].strip()
