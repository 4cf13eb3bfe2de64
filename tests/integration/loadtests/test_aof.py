import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.domain.case import State
from gateway.inflight.admission import Admission, Admitted, admit
from gateway.inflight.confirmation import ConfirmOutcome
from gateway.inflight.progress import finish, take
from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from loadtests.aof import AofError, Occupancy, read_steps, recompute_live
from supervisor.valkey import ValkeyProcess
from tests.conftest import free_port
from tests.integration.inflight.people import (
    KEPT_MS,
    LEASE_MS,
    PROGRAMME,
    admission_rules,
    application,
    enter,
    phone,
    steer,
)

DOOR, SLOTS = f"{{{PROGRAMME}}}:door", f"{{{PROGRAMME}}}:slots"
LIMIT = 20
RULES = admission_rules(LIMIT)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyProcess]:
    process = ValkeyProcess(tmp_path, free_port())
    process.start()
    yield process
    process.stop()


@pytest.fixture
async def store(server: ValkeyProcess) -> AsyncIterator[Store]:
    redis = open_redis(server.url, timeout_ms=2000)
    yield Store(redis)
    await redis.aclose()


def aof(server: ValkeyProcess) -> Path:
    return server.data_dir / "valkey" / "appendonlydir"


def occupancies(server: ValkeyProcess) -> list[Occupancy]:
    """Leave out what Redis removes because it is over: it takes no slot, and comes at any time."""
    steps = [step for step in read_steps(aof(server)) if step[0][0] not in (b"DEL", b"UNLINK")]
    return list(recompute_live(steps, PROGRAMME))


async def counted(store: Store) -> tuple[int, int]:
    """Return what Redis itself says: slots that have not ended, and the limit."""
    service_ms, limit = await store.redis.hmget(DOOR, ["svc", "limit"])  # type: ignore[misc]  # redis-py types one method for sync and async.
    return await store.redis.zcount(SLOTS, f"({service_ms.decode()}", "+inf"), int(limit)


class Crowd:
    """People who come, confirm and leave at random, while an operator turns the limit up and down."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store, self.chance = store, random.Random(seed)
        self.awaiting: list[Admission] = []
        self.accepted: list[Admission] = []

    async def arrive(self) -> None:
        batch = [application(str(self.chance.randrange(300))) for _ in range(self.chance.randrange(1, 9))]
        decisions = await admit(self.store, PROGRAMME, RULES, batch)
        pairs = zip(batch, decisions, strict=True)
        self.awaiting += [one for one, decision in pairs if isinstance(decision, Admitted)]

    async def confirm(self) -> None:
        for one in self.awaiting[:3]:
            await phone(self.store, one, one.person, "111111")
            answer = await enter(self.store, one, "111111", limit_seed=LIMIT)
            if answer.outcome is ConfirmOutcome.ACCEPTED:
                self.accepted.append(one)
        self.awaiting = self.awaiting[3:]

    async def leave(self) -> None:
        for one in self.accepted[:2]:
            case = await take(self.store, PROGRAMME, one.id)
            assert case is not None
            await finish(self.store, PROGRAMME, one.id, case.fence, State.REFUSED, KEPT_MS)
        self.accepted = self.accepted[2:]

    async def let_pass(self) -> None:
        await self.store.redis.hincrby(DOOR, "svc", self.chance.randrange(1, LEASE_MS // 2))  # type: ignore[misc]  # As above.

    async def look(self) -> None:
        await tick(self.store, PROGRAMME, LIMIT, KEPT_MS)

    async def steer(self) -> None:
        await steer(self.store, limit=self.chance.randrange(LIMIT // 2, 2 * LIMIT))

    async def do_something(self) -> None:
        doings = [self.arrive, self.arrive, self.confirm, self.leave, self.let_pass, self.look, self.steer]
        await self.chance.choice(doings)()


@pytest.mark.parametrize("seed", range(5))
async def test_live_is_recomputed_as_redis_counted_it(server: ValkeyProcess, store: Store, seed: int) -> None:
    crowd = Crowd(store, seed)
    await crowd.look()
    counts = []
    for _ in range(200):
        await crowd.do_something()
        counts.append(await counted(store))
        # A step of its own in the file, that tells where the count was taken.
        await store.redis.set("counted", len(counts))

    steps = list(read_steps(aof(server)))
    marks = [step[0][:2] == [b"SET", b"counted"] for step in steps]
    found = list(recompute_live(steps, PROGRAMME))

    assert [one[:2] for one, is_mark in zip(found, marks, strict=True) if is_mark] == counts
    assert any(live == limit for live, limit in counts)
    assert any(live > limit for live, limit in counts)
    assert not any(one.is_over for one in found)


async def test_a_restart_of_redis_is_read_over(server: ValkeyProcess, store: Store) -> None:
    await admit(store, PROGRAMME, RULES, [application(f"before {n}") for n in range(5)])
    server.restart()
    await admit(store, PROGRAMME, RULES, [application(f"after {n}") for n in range(2)])

    assert occupancies(server)[-1] == (7, LIMIT, 2)


async def test_a_slot_taken_past_the_functions_is_found(server: ValkeyProcess, store: Store) -> None:
    await admit(store, PROGRAMME, RULES, [application(str(n)) for n in range(LIMIT)])
    await store.redis.zadd(SLOTS, {"0" * 32: 9e15})

    *before, last = occupancies(server)

    assert last.is_over
    assert last == (LIMIT + 1, LIMIT, 1)
    assert not any(one.is_over for one in before)


async def test_a_file_that_redis_rewrote_is_refused(server: ValkeyProcess, store: Store) -> None:
    await admit(store, PROGRAMME, RULES, [application("somebody")])
    await store.redis.bgrewriteaof()
    while (await store.redis.info("persistence"))["aof_rewrite_in_progress"]:
        pass

    with pytest.raises(AofError, match="rewritten"):
        occupancies(server)
