"""One Redis and the atomic functions in it."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from gateway.inflight.library import load_library
from gateway.inflight.metrics import round_trips

# Bounds what a flood can open; past it a call fails at once instead of waiting in line.
_MOST_CONNECTIONS = 512


class StoreUnavailable(Exception):
    """Redis did not answer in time, or would not write: whether the call took effect is unknown."""


class _QuickConnection(Connection):
    """A batch has some four hundred arguments, which the packer of the synchronous client takes at once."""

    def pack_command(self, *args: Any) -> list[bytes]:
        packed: list[bytes] = _PACKER.pack(*args)
        return packed


_PACKER = HiredisRespSerializer()


def open_redis(url: str, timeout_ms: int) -> Redis:
    """Connect lazily, with a deadline on every call.

    A connection that turns out to be dead (a restart of Redis leaves such in the pool) is tried once more: a
    call that is sent twice takes effect once. At worst a wrong code or a failed SMS counts twice.
    """
    redis: Redis = Redis.from_url(
        url,
        # An address with another transport (rediss, unix) brings a connection of its own.
        connection_class=_QuickConnection,
        socket_timeout=timeout_ms / 1000,
        socket_connect_timeout=timeout_ms / 1000,
        retry=Retry(NoBackoff(), 1),
        retry_on_error=[RedisConnectionError],
        max_connections=_MOST_CONNECTIONS,
        # Without a name to announce, a new connection costs no round trips of its own.
        lib_name=None,
        lib_version=None,
    )
    return redis


def door_key(programme: str) -> str:
    """The programme's hash tag is what keeps all its keys, and its arq queues, on one shard."""
    return f"{{{programme}}}:door"


class Store:
    """`pause_seconds`: for how long a Redis that did not answer is not asked again; 0: it is asked each time.

    Without a pause a Redis that hangs would hold every request for as long as the deadline of a call.
    """

    def __init__(self, redis: Redis, pause_seconds: float = 0.0) -> None:
        self.redis = redis
        self._library = load_library()
        self._pause_seconds = pause_seconds
        self._ask_again_at: float | None = None

    def check(self) -> None:
        """Raise StoreUnavailable while Redis is not asked."""
        if self._ask_again_at is not None and time.monotonic() < self._ask_again_at:
            raise StoreUnavailable("away")

    async def call(
        self, verb: str, programme: str, items: Iterable[object] = (), **values: object
    ) -> list[Any]:
        """Run one verb; raises StoreUnavailable. A lost library is loaded again and the call repeated."""
        known = self._library.verbs[verb]
        arguments = [known.function, 1, door_key(programme), *known.arguments(values), *items]
        with self._asking():
            began_at = time.perf_counter()
            try:
                reply = await self._fcall(arguments)
            except ResponseError as error:
                if "Function not found" not in str(error):
                    raise
                await self.load()
                reply = await self._fcall(arguments)
            finally:
                round_trips(verb).add(time.perf_counter() - began_at)
        return reply

    async def read(self, *command: object) -> Any:
        """Run one command that changes nothing; raises StoreUnavailable."""
        with self._asking():
            return await self.redis.execute_command(*command)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Raise StoreUnavailable while Redis is not asked, and when it does not answer."""
        self.check()
        if self._ask_again_at is not None:
            # One call finds out for everybody; the others are answered at once meanwhile.
            self._ask_again_at = time.monotonic() + self._pause_seconds
        try:
            yield
        except (RedisError, OSError) as error:
            if self._pause_seconds and not isinstance(error, ResponseError):
                self._ask_again_at = time.monotonic() + self._pause_seconds
            raise StoreUnavailable(type(error).__name__) from error
        self._ask_again_at = None

    async def load(self) -> None:
        """Load the library; another process may have been faster, which is as good."""
        await self.redis.execute_command("FUNCTION", "LOAD", "REPLACE", self._library.source)

    async def _fcall(self, arguments: list[object]) -> list[Any]:
        reply: list[Any] = await self.redis.execute_command("FCALL", *arguments)
        return reply
