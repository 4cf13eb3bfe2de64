"""As many connections as are needed at once, and each kept for the next request."""

import asyncio
from collections import deque
from collections.abc import Callable

from loadtests.bench.http1 import Answer, Connection
from loadtests.bench.requests import HOST

# Gets the answer, or None when the connection broke first.
Done = Callable[[Answer | None], None]


class Pool:
    """Opens up to `most` connections; past that requests wait in line for the next that is free."""

    def __init__(self, port: int, most: int) -> None:
        self._port, self._most = port, most
        self._open = 0
        self._idle: list[Connection] = []
        self._under_way: dict[Connection, Done] = {}
        self._line: deque[tuple[bytes, Done]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()

    def send(self, request: bytes, done: Done) -> None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed:
                self._start(connection, request, done)
                return
        if self._open < self._most:
            self._open += 1
            task = asyncio.create_task(self._connect(request, done))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        else:
            self._line.append((request, done))

    def close(self) -> None:
        self._line.clear()
        for connection in [*self._idle, *self._under_way]:
            connection.close()
        self._under_way.clear()

    def _start(self, connection: Connection, request: bytes, done: Done) -> None:
        self._under_way[connection] = done
        connection.send(request)

    async def _connect(self, request: bytes, done: Done) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(lambda: Connection(self), HOST, self._port)
        except OSError:
            self._open -= 1
            done(None)
        else:
            self._start(connection, request, done)

    def answered(self, connection: Connection, answer: Answer) -> None:
        done = self._under_way.pop(connection)
        if not connection.is_closed:
            if self._line:
                self._start(connection, *self._line.popleft())
            else:
                self._idle.append(connection)
        done(answer)

    def lost(self, connection: Connection) -> None:
        self._open -= 1
        done = self._under_way.pop(connection, None)
        if self._line:
            self.send(*self._line.popleft())
        if done:
            done(None)
