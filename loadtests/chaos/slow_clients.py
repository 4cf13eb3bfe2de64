"""`python -m loadtests.chaos.slow_clients PORT HEADERS BODIES READERS IDLE`: so many of each.

A process of its own, so that people who apply meanwhile are not held up by those who attack. Says `ready`
when half of them are connected, or after a while; a line on standard input ends it, and it says how it was
treated, as JSON.
"""

import asyncio
import random
import resource
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import uvloop

from loadtests.bench.loads import APPLICATIONS
from loadtests.bench.requests import HOST
from loadtests.chaos.meanwhile import until

_BYTE_EVERY_SECONDS = 1.0
# They come one after the other, as from any such tool, and not all at the same moment again and again.
_WITHIN_SECONDS = 10.0
# Who reads nothing has room for little: the answers stand at the other side.
_ROOM_BYTES = 4_096
_AGAIN_AFTER_SECONDS = 0.2
_MOST_WAIT_SECONDS = 15.0

_HEAD = f"POST {APPLICATIONS} HTTP/1.1\r\nHost: {HOST}\r\n".encode()
_BODY_HEAD = _HEAD + b"Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n"
_FACTS = f"GET /v1/programmes/42500 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Treated(msgspec.Struct):
    """How many are connected now; by kind, how often one was put out, and the longest that one was borne."""

    connected: int = 0
    put_out: dict[str, int] = msgspec.field(default_factory=dict)
    borne_seconds: dict[str, float] = msgspec.field(default_factory=dict)


async def _send_headers_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _trickle(reader, writer, _HEAD + b"X-More: " + b"x" * 200)


async def _send_body_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_BODY_HEAD)
    await _trickle(reader, writer, b"{" * 200)


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> None:
    answered = asyncio.ensure_future(reader.read(1))
    try:
        for at in range(len(data)):
            writer.write(data[at : at + 1])
            if (await asyncio.wait([answered], timeout=_BYTE_EVERY_SECONDS))[0]:
                return
    finally:
        answered.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await answered


async def _read_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask for more than buffers hold, and leave it there."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # A socket's transport reads.
    while not writer.transport.is_closing():
        writer.write(_FACTS * 20)
        await asyncio.wait_for(writer.drain(), 60)
        await asyncio.sleep(_BYTE_EVERY_SECONDS)


async def _do_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1)


_ATTACKS: dict[str, Attack] = {
    "headers": _send_headers_slowly,
    "bodies": _send_body_slowly,
    "readers": _read_nothing,
    "idle": _do_nothing,
}


async def _keep_at_it(port: int, kind: str, treated: Treated) -> None:
    """Connect again whenever put out."""
    await asyncio.sleep(random.uniform(0, _WITHIN_SECONDS))  # noqa: S311 - chance, not a secret.
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(sock=await _connect(port), limit=1_024)
            began = time.monotonic()
            treated.connected += 1
            try:
                # The loop's own word for a connection that is gone is RuntimeError.
                with suppress(OSError, RuntimeError):
                    await _ATTACKS[kind](reader, writer)
            finally:
                treated.connected -= 1
                treated.borne_seconds[kind] = max(
                    treated.borne_seconds.get(kind, 0), time.monotonic() - began
                )
                writer.transport.abort()
            treated.put_out[kind] = treated.put_out.get(kind, 0) + 1
        await asyncio.sleep(_AGAIN_AFTER_SECONDS)


async def _connect(port: int) -> socket.socket:
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
    opened.settimeout(0)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (HOST, port))
    except BaseException:
        opened.close()
        raise
    return opened


async def _attack(port: int, many: dict[str, int]) -> None:
    treated = Treated()
    tasks = [
        asyncio.create_task(_keep_at_it(port, kind, treated)) for kind in many for _ in range(many[kind])
    ]

    async def are_in() -> bool:
        return treated.connected > len(tasks) // 2

    with suppress(TimeoutError):
        await until(are_in, _MOST_WAIT_SECONDS)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    connected = treated.connected
    await _end(tasks)
    # Those who were never put out were borne until now.
    treated.connected = connected
    sys.stdout.write(msgspec.json.encode(treated).decode() + "\n")


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel, and again whoever was just putting away a connection and took it for the end of that."""
    going: set[asyncio.Task[None]] = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=1)


def main() -> None:
    port, *many = map(int, sys.argv[1:])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(_attack(port, dict(zip(_ATTACKS, many, strict=True))))


if __name__ == "__main__":
    main()
