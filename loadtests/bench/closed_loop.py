"""A closed loop: as many requests under way as connections, each followed by the next once it is answered."""

import asyncio
import time

from loadtests.bench.http1 import Answer, Connection
from loadtests.bench.latencies import Latencies
from loadtests.bench.loads import ClosedLoop, Result
from loadtests.bench.requests import HOST, requests_of

# Longer than any answer should take; whoever has not answered by then is not waited for.
_PATIENCE_SECONDS = 10.0


async def run_closed_loop(load: ClosedLoop) -> Result:
    return await _Loop(load).run()


class _Loop:
    """The owner of its connections. An answer that comes in the warm-up or after the end does not count."""

    def __init__(self, load: ClosedLoop) -> None:
        self._load = load
        self._requests = requests_of(load.requests)
        self._latencies = Latencies()
        self._sent_at: dict[Connection, float] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._is_ending = False
        self._ended = asyncio.Event()
        self._open = self._lost = 0
        self._begins = self._ends = self._last_answer = 0.0

    async def run(self) -> Result:
        load = self._load
        self._begins = self._last_answer = time.perf_counter() + load.warm_up_seconds
        self._ends = self._begins + load.seconds
        await asyncio.gather(*(self._connect() for _ in range(load.connections)))
        async with asyncio.timeout(load.warm_up_seconds + load.seconds + _PATIENCE_SECONDS):
            await self._ended.wait()
        seconds = self._last_answer - self._begins
        return Result(seconds, self._latencies.counts(), self._latencies.summaries(), self._lost)

    async def _connect(self) -> None:
        self._open += 1
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self), HOST, self._load.port)
        self._send_next(connection)

    def _send_next(self, connection: Connection) -> None:
        now = time.perf_counter()
        request = next(self._requests, None) if now < self._ends else None
        if request is None:
            self._is_ending = True
            connection.close()
        else:
            self._sent_at[connection] = now
            connection.send(request)

    def answered(self, connection: Connection, answer: Answer) -> None:
        now, sent_at = time.perf_counter(), self._sent_at.pop(connection)
        if self._begins <= now < self._ends:
            self._last_answer = now
            self._latencies.add(answer.status, now - sent_at)
        if not connection.is_closed:
            self._send_next(connection)

    def lost(self, connection: Connection) -> None:
        self._open -= 1
        self._lost += self._sent_at.pop(connection, None) is not None
        if not self._is_ending:
            again = asyncio.create_task(self._connect())
            self._connecting.add(again)
            again.add_done_callback(self._connecting.discard)
        elif not self._open:
            self._ended.set()
