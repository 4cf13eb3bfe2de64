"""What the primary says of its replicas, for whoever relies on them."""

from msgspec import Struct
from redis.exceptions import RedisError, ResponseError

from gateway.inflight.status import PROBE_PROGRAMME
from gateway.inflight.store import Store, StoreUnavailable


class Replication(Struct, frozen=True):
    """`connected` replicas; with fewer than `least` the primary refuses writes, None: it does not tell."""

    connected: int
    least: int | None


async def ask_replication(store: Store) -> Replication:
    """Ask, and change nothing: the server may be somebody else's. Raises StoreUnavailable."""
    redis = store.redis_of(PROBE_PROGRAMME)
    try:
        connected = (await redis.info("replication"))["connected_slaves"]
        try:
            least = int((await redis.config_get("min-replicas-to-write"))["min-replicas-to-write"])
        except (ResponseError, KeyError):
            least = None
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    return Replication(connected, least)
