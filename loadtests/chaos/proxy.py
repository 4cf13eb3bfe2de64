"""A network that misbehaves: a TCP proxy that delays, cuts, swallows or trickles what passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PIECE_BYTES = 65_536


class Proxy:
    """Faults hold for both directions, for open and for new connections, from the next piece on.

    `delay_ms`: each piece comes later by this. `black_hole`: pieces are thrown away and connections stay
    open, as in a partition. `trickle_bytes_per_second`: no faster than this; None: at once.
    """

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self.delay_ms = 0
        self.black_hole = False
        self.trickle_bytes_per_second: int | None = None
        self._target = host, port
        self._is_cut = False
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Break what is open, and let nobody in until `restore`."""
        self._is_cut = True
        for link in self._links:
            link.abort()

    def restore(self) -> None:
        """End all faults. A connection whose bytes were swallowed is broken: it could never go on."""
        self.delay_ms, self.black_hole, self.trickle_bytes_per_second = 0, False, None
        self._is_cut = False
        for link in self._links:
            if link.has_lost:
                link.abort()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def end(self) -> None:
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, writer)
        self._links.add(link)
        try:
            if not self._is_cut:
                await link.run(reader, *self._target)
        finally:
            link.abort()
            self._links.discard(link)


class _Link:
    """One connection through the proxy, both ways."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._ends = [client]
        self.has_lost = False

    def abort(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def run(self, client: asyncio.StreamReader, host: str, port: int) -> None:
        try:
            server, there = await asyncio.open_connection(host, port)
        except OSError:
            return
        self._ends.append(there)
        ways = self._pass_on(client, there), self._pass_on(server, self._ends[0])
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            # Half-open ends are for whoever tests them; here either side's end is the end of both.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(_PIECE_BYTES):
                if self._proxy.delay_ms:
                    await asyncio.sleep(self._proxy.delay_ms / 1000)
                # Asked after the delay too: what was on its way when the hole opened is lost with the rest.
                if self._proxy.black_hole:
                    self.has_lost = True
                    continue
                await self._write(piece, target)

    async def _write(self, piece: bytes, target: asyncio.StreamWriter) -> None:
        rate = self._proxy.trickle_bytes_per_second
        step = len(piece) if rate is None else max(rate // 10, 1)
        for start in range(0, len(piece), step):
            target.write(piece[start : start + step])
            await target.drain()
            if rate is not None:
                await asyncio.sleep(step / rate)


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy before that address, on a free port of its own, without a fault."""
    proxy = Proxy(host, port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()
