"""Time passes for all that Redis holds: what would have expired is gone, and what is written down is older.

The clocks on which leases and rates run go on, as they do while gateways serve.
"""

from collections.abc import AsyncIterator

from redis.asyncio import Redis

from gateway.inflight.store import door_key

_PIECE = 500


async def age(redis: Redis, programme: str, ms: int) -> int:
    """Make everything older; return how many keys expired by that."""
    tag = f"{{{programme}}}:"
    door = door_key(programme)
    expired = 0
    async for keys in _pieces(redis):
        pipeline = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.pttl(key)
        for key, left_ms in zip(keys, await pipeline.execute(), strict=True):
            if left_ms > ms:
                await redis.pexpire(key, left_ms - ms)
            elif left_ms > 0:
                expired += await redis.delete(key)
    for queue in ("active", "cases", "sms", "receipts"):
        for member, score in await redis.zrange(f"{tag}{queue}", 0, -1, withscores=True):
            await redis.zadd(f"{tag}{queue}", {member: score - ms})
    for clock in ("wall", "raw"):
        await redis.hincrby(door, clock, -ms)  # type: ignore[misc]  # redis-py types one method for sync and async.
    for clock in ("svc", "run"):
        await redis.hincrby(door, clock, ms)  # type: ignore[misc]  # The same.
    return expired


async def _pieces(redis: Redis) -> AsyncIterator[list[str]]:
    piece: list[str] = []
    async for key in redis.scan_iter(count=_PIECE):
        piece.append(key)
        if len(piece) == _PIECE:
            yield piece
            piece = []
    yield piece
