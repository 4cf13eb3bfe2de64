"""What a process does that asks more of Redis at once than it has connections."""

import asyncio

import pytest

from gateway.inflight import pools
from gateway.inflight.store import Store, StoreUnavailable, open_redis

CONNECTIONS = 3
# Nothing here takes as long; a Redis held to be away is not asked for all of it.
PAUSE_SECONDS = 600.0


async def wait_for_nothing(store: Store) -> object:
    """Keep a connection for a second."""
    return await store.redis.execute_command("BLPOP", "nothing", 1)


async def hold_all(store: Store) -> list[asyncio.Task[object]]:
    waiting = [asyncio.create_task(wait_for_nothing(store)) for _ in range(CONNECTIONS)]
    pool = store.redis.connection_pool
    while len(pool._in_use_connections) < CONNECTIONS:  # noqa: ASYNC110 - The pool tells nobody.
        await asyncio.sleep(0.001)
    return waiting


async def test_a_call_without_a_connection_fails_alone(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_MOST_CONNECTIONS", CONNECTIONS)
    store = Store(open_redis(redis_url, timeout_ms=2_000), PAUSE_SECONDS)
    waiting = await hold_all(store)

    with pytest.raises(StoreUnavailable, match="AllTaken"):
        await store.read("PING")
    # Nobody else suffers for it: neither those under way, nor whoever comes next.
    assert [await one for one in waiting] == [None] * CONNECTIONS
    made = (await store.redis.info("stats"))["total_connections_received"]
    assert await store.read("PING")
    assert (await store.redis.info("stats"))["total_connections_received"] == made
    await store.aclose()


def refuse_as_uvloop_does(_: object) -> None:
    """What is written to a connection that the other side has just closed."""
    raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


async def test_a_connection_that_has_just_gone_is_made_anew(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(open_redis(redis_url, timeout_ms=2_000))
    await store.read("PING")
    [connection] = store.redis.connection_pool._available_connections
    monkeypatch.setattr(connection._writer, "writelines", refuse_as_uvloop_does)

    assert await store.read("PING")
    await store.aclose()
