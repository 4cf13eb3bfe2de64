"""A server that answers as it is told, one connection after the other and one request at a time."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

# Gets head and body, gives the whole answer.
Answering = Callable[[str, bytes], Awaitable[bytes]]


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def serving(answering: Answering) -> AsyncIterator[int]:
    """Return the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"Content-Length: (\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                said = await answering(head, body)
                # In two pieces, for that is how answers come.
                writer.write(said[:20])
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(said[20:])
                if b"Connection: close" in said or not said:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", backlog=1_000) as server:
        yield server.sockets[0].getsockname()[1]
