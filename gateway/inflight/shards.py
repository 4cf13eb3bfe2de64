"""The store as the settings want it: one primary, or a cluster whose shards have the programmes."""

from collections.abc import Iterable
from typing import Any

from redis.asyncio import Redis

from gateway.inflight.addresses import Cluster, parse_address
from gateway.inflight.store import Store, open_redis

# The other half of a call's deadline is for the call itself.
_SHARE_FOR_REPLICAS = 0.5


class ShardedStore(Store):
    """A store for each programme, on the shard that owns its hash tag: one that is away holds up no other."""

    def __init__(self, url: str, timeout_ms: int, pause_seconds: float, replicas: int) -> None:
        self._url, self._timeout_ms, self._pause_seconds = url, timeout_ms, pause_seconds
        self.replicas = replicas
        self._stores: dict[str, Store] = {}

    def check(self) -> None:
        """Let everybody in: which shard is meant is known by the programme only."""

    async def call(
        self, verb: str, programme: str, items: Iterable[object] = (), **values: object
    ) -> list[Any]:
        return await self._of(programme).call(verb, programme, items, **values)

    async def read(self, *command: object) -> Any:
        # Every key begins with the hash tag of its programme.
        programme = str(command[1]).partition("}")[0].removeprefix("{")
        return await self._of(programme).read(*command)

    def redis_of(self, programme: str) -> Redis:
        return self._of(programme).redis

    async def aclose(self) -> None:
        for store in self._stores.values():
            await store.aclose()

    def _of(self, programme: str) -> Store:
        store = self._stores.get(programme)
        if store is None:
            redis = open_redis(self._url, self._timeout_ms, programme)
            store = _one(redis, self._timeout_ms, self._pause_seconds, self.replicas)
            self._stores[programme] = store
        return store


def connect_store(url: str, timeout_ms: int, pause_seconds: float = 0.0, replicas: int = 0) -> Store:
    """Connect lazily; the parameters are those of `open_redis` and Store. Raises ValueError."""
    if isinstance(parse_address(url), Cluster):
        return ShardedStore(url, timeout_ms, pause_seconds, replicas)
    return _one(open_redis(url, timeout_ms), timeout_ms, pause_seconds, replicas)


def _one(redis: Redis, timeout_ms: int, pause_seconds: float, replicas: int) -> Store:
    return Store(redis, pause_seconds, replicas, int(timeout_ms * _SHARE_FOR_REPLICAS))
