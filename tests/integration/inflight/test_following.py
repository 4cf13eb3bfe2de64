import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.inflight.pools import Pool
from gateway.inflight.shards import connect_store
from gateway.inflight.status import probe, tick
from gateway.inflight.store import Store, StoreUnavailable
from loadtests.chaos.cluster_of import NAME, clustered, watched
from loadtests.chaos.meanwhile import until

AT_ONCE = 20


async def test_a_store_follows_a_failover_and_keeps_no_connection_to_the_old_primary(tmp_path: Path) -> None:
    async with watched(tmp_path, is_direct=True) as watch:
        store = connect_store(watch.url, 2_000)
        await asyncio.gather(*(probe(store) for _ in range(AT_ONCE)))
        old = await watch.primary()
        async with Redis(port=watch.sentinel_ports[0]) as sentinel:
            await sentinel.execute_command("SENTINEL", "FAILOVER", NAME, "COORDINATED")
        await watch.until_promoted(old)
        await until(lambda: _is_replica(old.port))

        await _until_served(store)
        await asyncio.gather(*(probe(store) for _ in range(AT_ONCE)))

        pool = store.redis.connection_pool
        assert isinstance(pool, Pool)
        assert len(pool._available_connections) <= AT_ONCE
        assert not pool._in_use_connections
        assert f"port={old.port}" not in str([one for one in pool._available_connections if one.is_connected])
        await store.aclose()


@pytest.fixture
async def sharded(tmp_path: Path) -> AsyncIterator[Store]:
    async with clustered(tmp_path) as shards:
        store = connect_store("cluster://" + ",".join(f"127.0.0.1:{shard.port}" for shard in shards), 2_000)
        yield store
        await store.aclose()


async def test_each_programme_of_a_cluster_is_served_by_the_owner_of_its_tag(sharded: Store) -> None:
    await probe(sharded)
    ports = set()
    for code in ("42500", "42501", "42502"):
        assert (await tick(sharded, code, 7, 60_000)).limit == 7
        assert await sharded.read("HGET", f"{{{code}}}:door", "limit") == b"7"
        ports.add((await sharded.redis_of(code).config_get("port"))["port"])
    assert len(ports) == 3


async def _is_replica(port: int) -> bool:
    async with Redis(port=port) as redis:
        role, *_ = await redis.role()
    return bool(role == b"slave")


async def _until_served(store: Store) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await probe(store)
            except StoreUnavailable:
                await asyncio.sleep(0.1)
            else:
                return
