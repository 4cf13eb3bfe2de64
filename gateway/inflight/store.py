"""One Redis and the atomic functions in it."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from gateway.inflight.library import load_library
from gateway.inflight.metrics import round_trips
from gateway.inflight.pools import AllTaken, Pool, open_pool

# A library that is gone again so often at once is not lost but fought over.
_MOST_LOADS = 3


class StoreUnavailable(Exception):
    """Redis did not answer in time, or would not write: whether the call took effect is unknown."""


class NotReplicated(RedisError):
    """Too few replicas have the write: it stands here, and may be gone with this server."""


def open_redis(url: str, timeout_ms: int, programme: str = "") -> Redis:
    """Connect lazily, with a deadline on every call; `programme` says which shard of a cluster is meant.

    A connection that turns out to be dead (a restart of Redis leaves such in the pool) is tried once more: a
    call that is sent twice takes effect once. At worst a wrong code or a failed SMS counts twice.
    """
    redis: Redis = Redis.from_pool(open_pool(url, timeout_ms, programme))
    return redis


def _is_away(error: Exception) -> bool:
    """Tell whether Redis is in trouble: it was asked, and did not answer that it would not.

    One that misses its replicas may not be the primary any more.
    """
    return not isinstance(error, ResponseError | AllTaken) or str(error).startswith("NOREPLICAS")


def door_key(programme: str) -> str:
    """The programme's hash tag is what keeps all its keys, and its arq queues, on one shard."""
    return f"{{{programme}}}:door"


class Store:
    """`pause_seconds`: for how long a Redis that did not answer is not asked again; 0: it is asked each time.

    Without a pause a Redis that hangs would hold every request for as long as the deadline of a call.
    `replicas`: how many must have what a verb wrote before it is answered, within `replica_ms`.
    """

    def __init__(
        self, redis: Redis, pause_seconds: float = 0.0, replicas: int = 0, replica_ms: int = 1_000
    ) -> None:
        self.redis = redis
        self.replicas = replicas
        self._replica_ms = replica_ms
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
                reply = await self._load_and_call(arguments, error)
            finally:
                round_trips(verb).add(time.perf_counter() - began_at)
        return reply

    def redis_of(self, programme: str) -> Redis:  # noqa: ARG002 - In a cluster it matters.
        return self.redis

    async def aclose(self) -> None:
        await self.redis.aclose()

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
            if _is_away(error):
                self._leave()
            raise StoreUnavailable(type(error).__name__) from error
        self._ask_again_at = None

    def _leave(self) -> None:
        """Ask nobody for a while, and then whoever is the primary by that time."""
        if self._pause_seconds:
            self._ask_again_at = time.monotonic() + self._pause_seconds
        pool = self.redis.connection_pool
        if isinstance(pool, Pool):
            pool.distrust()

    async def load(self) -> None:
        """Load the library; another process may have been faster, which is as good."""
        await self.redis.execute_command("FUNCTION", "LOAD", "REPLACE", self._library.source)

    async def _load_and_call(self, arguments: list[object], error: ResponseError) -> list[Any]:
        """Whoever throws the library out may do it again before the call is repeated."""
        for _ in range(_MOST_LOADS):
            if "Function not found" not in str(error):
                break
            await self.load()
            try:
                return await self._fcall(arguments)
            except ResponseError as another:
                error = another
        raise error

    async def _fcall(self, arguments: list[object]) -> list[Any]:
        if self.replicas:
            return await self._fcall_and_wait(arguments)
        reply: list[Any] = await self.redis.execute_command("FCALL", *arguments)
        return reply

    async def _fcall_and_wait(self, arguments: list[object]) -> list[Any]:
        """Call, and see on the same connection that enough replicas have it. The order of the three matters.

        WAIT waits for what this connection wrote. A call that is repeated on another one may find its work
        done and write nothing, and WAIT would say yes at once: the message to nobody is what it then waits
        for, and everything before it in the stream. It costs a replica nothing and no disk anything.
        """
        pipeline = self.redis.pipeline(transaction=False)
        pipeline.execute_command("FCALL", *arguments)
        pipeline.execute_command("SPUBLISH", arguments[2], b"")
        pipeline.execute_command("WAIT", self.replicas, self._replica_ms)
        reply, heard, reached = await pipeline.execute(raise_on_error=False)
        for answer in (reply, heard, reached):
            if isinstance(answer, Exception):
                raise answer
        if reached < self.replicas:
            raise NotReplicated
        answered: list[Any] = reply
        return answered
