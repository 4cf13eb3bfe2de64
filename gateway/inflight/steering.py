"""What an operator changes while people are at the door."""

from redis.exceptions import RedisError

from gateway.inflight.store import Store, StoreUnavailable, door_key

# Nobody, to more than any programme has had; one more digit is a slip of the hand.
LOWEST_LIMIT, HIGHEST_LIMIT = 0, 1_000_000


class LimitOutOfRange(ValueError):
    def __init__(self) -> None:
        super().__init__(f"a limit is a number from {LOWEST_LIMIT} to {HIGHEST_LIMIT}")


class LimitChanged(Exception):
    """Somebody was faster: `current` is the limit now."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the limit is {current} by now")
        self.current = current


class NotServed(Exception):
    """No gateway has served this programme from this Redis yet."""

    def __init__(self) -> None:
        super().__init__("no gateway has served this programme yet")


async def set_limit(store: Store, programme: str, limit: int, expected: int | None = None) -> int:
    """Set the limit and return the old one.

    Raises LimitOutOfRange, LimitChanged when it is not `expected` any more, NotServed, StoreUnavailable.
    """
    if not LOWEST_LIMIT <= limit <= HIGHEST_LIMIT:
        raise LimitOutOfRange
    reply = await store.call(
        "set_limit", programme, limit=limit, expected="" if expected is None else expected
    )
    match reply:
        case [0, old]:
            return int(old)
        case [1, current]:
            raise LimitChanged(int(current))
    raise NotServed


async def show_limit(store: Store, programme: str) -> int:
    """Raises NotServed, StoreUnavailable."""
    try:
        limit = await store.redis.hget(door_key(programme), "limit")  # type: ignore[misc]  # redis-py types one method for sync and async.
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    if limit is None:
        raise NotServed
    return int(limit)
