import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from gateway.http.readiness import Readiness
from gateway.inflight.admission import Admitted, Repeated
from gateway.inflight.shards import connect_store
from gateway.inflight.status import look, replace_receipt
from gateway.inflight.store import Store, StoreUnavailable
from gateway.register.journal import open_journal
from gateway.register.migrate import migrate
from loadtests.chaos.proxy import Proxy, proxied
from supervisor.valkey import ValkeyProcess
from tests.conftest import free_port
from tests.integration.inflight.people import PROGRAMME, application, apply

# Half of it is how long a call waits for its replica.
TIMEOUT_MS = 600


class Pair:
    """A primary and its replica; `link` is what is between the two."""

    def __init__(self, url: str, link: Proxy) -> None:
        self.url, self.link = url, link
        self._opened: list[Store] = []

    def connect(self, replicas: int = 1) -> Store:
        self._opened.append(connect_store(self.url, TIMEOUT_MS, replicas=replicas))
        return self._opened[-1]

    async def close(self) -> None:
        for store in self._opened:
            await store.aclose()


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    process = ValkeyProcess(tmp_path_factory.mktemp("replica"), free_port())
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def pair(redis_url: str, valkey: ValkeyProcess, replica: ValkeyProcess) -> AsyncIterator[Pair]:
    async with (
        proxied("127.0.0.1", valkey.port) as link,
        Redis(port=valkey.port) as primary,
        Redis(port=replica.port) as redis,
    ):
        await primary.config_set("repl-diskless-sync-delay", 0)
        await redis.replicaof("127.0.0.1", link.port)
        await _until_replicated(primary)
        pair = Pair(redis_url, link)
        yield pair
        await pair.close()


async def test_a_write_is_answered_when_the_replica_has_it(pair: Pair) -> None:
    assert isinstance(await apply(pair.connect(), application("a")), Admitted)


async def test_a_write_that_does_not_reach_the_replica_is_no_answer_and_may_be_sent_again(pair: Pair) -> None:
    one = application("a", key="k")
    store = pair.connect()
    pair.link.black_hole = True
    with pytest.raises(StoreUnavailable, match="NotReplicated"):
        await apply(store, one)
    # It stands, for a write cannot be taken back: the same key finds it.
    assert await look(store, PROGRAMME, one.id) is not None

    pair.link.restore()
    await _until_replicated(store.redis)

    repeated = await apply(store, application("a", key="k"))
    assert isinstance(repeated, Repeated)
    assert repeated.id == one.id


async def test_a_call_that_finds_its_work_done_waits_for_that_work_too(pair: Pair) -> None:
    pair.link.black_hole = True
    with pytest.raises(StoreUnavailable):
        await apply(pair.connect(), application("a"))
    # Another connection has written nothing, and a verb that changes nothing writes nothing either.
    with pytest.raises(StoreUnavailable, match="NotReplicated"):
        await replace_receipt(pair.connect(), PROGRAMME, "unknown", "0" * 64)


async def test_more_replicas_than_there_are_is_no_answer(pair: Pair) -> None:
    with pytest.raises(StoreUnavailable, match="NotReplicated"):
        await apply(pair.connect(replicas=2), application("a"))


async def test_a_primary_that_refuses_for_want_of_replicas_is_left(pair: Pair) -> None:
    store = pair.connect(replicas=0)
    await apply(store, application("a"))
    await store.redis.config_set("min-replicas-to-write", 2)
    try:
        before = await store.redis.client_id()
        with pytest.raises(StoreUnavailable):
            await apply(store, application("b"))
        assert await store.redis.client_id() != before
    finally:
        await store.redis.config_set("min-replicas-to-write", 0)


async def test_what_the_promise_lacks_is_said_when_it_gets_ready(pair: Pair, tmp_path: Path) -> None:
    dsn = f"sqlite:///{tmp_path / 'register.db'}"
    await migrate(dsn)
    journal = open_journal(dsn)
    try:
        with capture_logs() as said:
            await Readiness(pair.connect(), journal).check()
            await Readiness(pair.connect(replicas=0), journal).check()
    finally:
        await journal.close()

    assert [(line["event"], line["wanted"]) for line in said] == [
        ("replicas_without_spare", 1),
        ("min_replicas_to_write_too_low", 1),
    ]


async def _until_replicated(primary: Redis) -> None:
    # It is called online half a second before it has anything.
    while not (await primary.info("replication")).get("slave0", {}).get("offset"):  # noqa: ASYNC110 - It tells nobody.
        await asyncio.sleep(0.05)
