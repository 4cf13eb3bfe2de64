"""The way to Redis in a rehearsal: the same functions, told the time, asked together once a moment."""

from asyncio import Future, get_running_loop
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis.connection import UnixDomainSocketConnection

from gateway.inflight.library import load_library
from gateway.inflight.store import Store, door_key, open_redis
from gateway.operators.rehearsal.clock import MIDNIGHT_MS, NOW_KEY, with_rehearsed_clock

# Only the asynchronous client of the base class has a deadline, and nothing asks it here.
_TIMEOUT_MS = 60_000


class Wire:
    """Sends what is asked at one moment together, in its order, and has it answered before time goes on."""

    def __init__(self, socket: Path) -> None:
        self._connection = UnixDomainSocketConnection(path=str(socket))
        self._asked: list[tuple[Sequence[object], Future[Any]]] = []

    def __enter__(self) -> Self:
        self._connection.connect()
        source = with_rehearsed_clock(load_library().source)
        self._connection.send_command("FUNCTION", "LOAD", "REPLACE", source)
        self._connection.read_response()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._connection.disconnect()

    def ask(self, command: Sequence[object]) -> Future[Any]:
        answer: Future[Any] = get_running_loop().create_future()
        self._asked.append((command, answer))
        return answer

    def finish_moment(self, now_ms: int) -> bool:
        """Send what was asked; False when nothing was."""
        if not self._asked:
            return False
        asked, self._asked = self._asked, []
        commands = [("SET", NOW_KEY, MIDNIGHT_MS + now_ms), *(command for command, _ in asked)]
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        self._connection.read_response()
        for _, answer in asked:
            answer.set_result(self._connection.read_response())
        return True


class RehearsedStore(Store):
    """Everything that calls the functions takes it for the store it knows."""

    def __init__(self, socket: Path, wire: Wire) -> None:
        super().__init__(open_redis(f"unix://{socket}", _TIMEOUT_MS))
        self._verbs, self._wire = load_library().verbs, wire

    async def call(
        self, verb: str, programme: str, items: Iterable[object] = (), **values: object
    ) -> list[Any]:
        known = self._verbs[verb]
        command = ("FCALL", known.function, 1, door_key(programme), *known.arguments(values), *items)
        reply: list[Any] = await self._wire.ask(command)
        return reply
