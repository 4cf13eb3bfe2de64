"""Connections to Redis: with a deadline, and to the primary, whichever server that is at the moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError, ReadOnlyError, RedisError

from gateway.inflight.addresses import Node, Server, Watched, parse_address
from gateway.inflight.primaries import ask_cluster, ask_sentinels

# Bounds what a flood can open; past it a call fails at once instead of waiting in line.
_MOST_CONNECTIONS = 512

Seek = Callable[[], Awaitable[Node]]


class AllTaken(RedisError):
    """More was asked at once than there are connections: that says nothing of Redis, which was not asked."""


class Pool(ConnectionPool):
    """Knows when its connections may lead to a server that is not there, or not the primary any more."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._distrusted: set[AbstractConnection] = set()

    def distrust(self) -> None:
        """Make every connection of now anew before its next use.

        One that failed tells of all: asked one after the other, each would cost somebody a whole deadline.
        """
        self._distrusted.update(self._available_connections, self._in_use_connections)

    def get_available_connection(self) -> AbstractConnection:
        """Raises AllTaken."""
        if not self._available_connections and len(self._in_use_connections) >= self.max_connections:
            raise AllTaken
        found: AbstractConnection = super().get_available_connection()  # type: ignore[no-untyped-call]  # As below.
        return found

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        if connection in self._distrusted:
            self._distrusted.discard(connection)
            await connection.disconnect()
        await super().ensure_connection(connection)


class _QuickConnection(Connection):
    """A batch has some four hundred arguments, which the packer of the synchronous client takes at once."""

    def pack_command(self, *args: Any) -> list[bytes]:
        packed: list[bytes] = _PACKER.pack(*args)
        return packed

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        """Raises RedisConnectionError for a connection that has just gone; uvloop's word is RuntimeError."""
        try:
            await super().send_packed_command(*args, **options)
        except RuntimeError as error:
            raise RedisConnectionError("the connection is gone") from error


_PACKER = HiredisRespSerializer()


class _FollowingConnection(_QuickConnection):
    """Asks who the primary is each time it connects, and leaves a server that is not, or no longer."""

    def __init__(self, seek: Seek, **options: Any) -> None:
        super().__init__(**options)
        self._seek = seek

    async def _connect(self) -> None:
        self.host, self.port = await self._seek()
        await super()._connect()  # type: ignore[no-untyped-call]  # redis-py has no types here.

    async def on_connect(self) -> None:
        await super().on_connect()
        # Sentinels may be a moment behind: whoever reads from a replica reads what is past.
        await self.send_command("ROLE")
        role = await self.read_response()
        if role[0] != b"master":
            raise RedisConnectionError("not the primary")

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except (ReadOnlyError, MovedError) as error:
            await self.disconnect()
            raise RedisConnectionError("not the primary any more") from error


def open_pool(url: str, timeout_ms: int, programme: str = "", retries: int = 1) -> Pool:
    """Connect lazily, with a deadline on every call; in a cluster, to the shard of the programme.

    `retries`: how often a call is sent again whose connection turns out to be dead. Raises ValueError for a
    wrong address.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_ms / 1000,
        "socket_connect_timeout": timeout_ms / 1000,
        "retry": Retry(NoBackoff(), retries),
        "retry_on_error": [RedisConnectionError] if retries else [],
        "max_connections": _MOST_CONNECTIONS,
        # Without a name to announce, a new connection costs no round trips of its own.
        "lib_name": None,
        "lib_version": None,
    }
    address = parse_address(url)
    if isinstance(address, Server):
        # An address with another transport (rediss, unix) brings a connection of its own.
        pool: Pool = Pool.from_url(address.url, connection_class=_QuickConnection, **options)
        return pool
    database = 0
    if isinstance(address, Watched):
        watched, database = address, address.database
        seek = _Search(lambda: ask_sentinels(watched))
    else:
        cluster = address
        seek = _Search(lambda: ask_cluster(cluster, programme))
    login = {"username": address.username, "password": address.password, "db": database}
    followed = Pool(connection_class=_FollowingConnection, seek=seek, **login, **options)
    seek.on_change = followed.distrust
    return followed


class _Search:
    """Many connections may look for the primary at once; one search is enough for all of them."""

    def __init__(self, ask: Callable[[], Awaitable[Node]]) -> None:
        self._ask = ask
        self._running: asyncio.Future[Node] | None = None
        self._known: Node | None = None
        self.on_change: Callable[[], None] = lambda: None

    async def __call__(self) -> Node:
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._ask())
        # Whoever gives up waiting does not end it for the others.
        found = await asyncio.shield(self._running)
        if found != self._known:
            self._known = found
            self.on_change()
        return found
