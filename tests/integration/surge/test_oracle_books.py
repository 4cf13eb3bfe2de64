import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.domain.case import State
from gateway.inflight.admission import Admission
from gateway.inflight.progress import finish, take
from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from gateway.register.journal import open_journal
from gateway.register.migrate import migrate
from loadtests.surge.books.in_flight import InFlight, read_in_flight
from loadtests.surge.books.register import read_register
from loadtests.surge.books.writes import Writes, read_writes
from supervisor.valkey import ValkeyProcess
from tests.conftest import free_port
from tests.integration.inflight.people import (
    KEPT_MS,
    LEASE_MS,
    PROGRAMME,
    accepted,
    admitted,
    application,
    apply,
    pass_time,
    steer,
)
from tests.integration.register.applicants import FORWARDED, new_entry, register_one

LIMIT = 3


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


def in_flight(server: ValkeyProcess) -> InFlight:
    return read_in_flight(server.url, PROGRAMME)


def writes(server: ValkeyProcess) -> Writes:
    return read_writes(server.data_dir / "valkey" / "appendonlydir", PROGRAMME)


async def forward(store: Store, one: Admission) -> None:
    case = await take(store, PROGRAMME, one.id)
    assert case is not None
    await finish(store, PROGRAMME, one.id, case.fence, State.FORWARDED, KEPT_MS)


async def test_redis_is_read_as_the_functions_left_it(server: ValkeyProcess, store: Store) -> None:
    gone, at_work, waiting = [await accepted(store, "a"), await accepted(store, "b"), application("d")]
    let_in = await admitted(store, "c")
    await apply(store, waiting)
    await forward(store, gone)

    seen = in_flight(server)

    assert (seen.accepted, seen.high, seen.live, seen.overdue, seen.queued) == (2, 3, 2, 0, 2)
    assert seen.active == {at_work.id}
    assert {one: case.state for one, case in seen.cases.items()} == {
        gone.id: State.FORWARDED,
        at_work.id: State.ACCEPTED,
        let_in.id: State.AWAITING_PHONE,
    }
    assert seen.everlasting_rates == ()


async def test_a_lease_that_lapsed_says_when(server: ValkeyProcess, store: Store) -> None:
    one = await admitted(store, "a")
    await pass_time(store, LEASE_MS)

    case = in_flight(server).cases[one.id]

    assert case.state is State.LAPSED
    assert case.lapsed_at_ms
    assert in_flight(server).live == 0


async def test_a_lease_that_nobody_sweeps_is_overdue(server: ValkeyProcess, store: Store) -> None:
    await admitted(store, "a")
    await store.redis.hincrby(f"{{{PROGRAMME}}}:door", "svc", 2 * LEASE_MS)  # type: ignore[misc]  # redis-py types one method for sync and async.

    assert in_flight(server).overdue == 1


async def test_a_mark_that_never_goes_is_found(server: ValkeyProcess, store: Store) -> None:
    await store.redis.set(f"{{{PROGRAMME}}}:rate:person:x", 1)

    assert in_flight(server).everlasting_rates == (f"{{{PROGRAMME}}}:rate:person:x",)


async def test_what_the_functions_write_is_without_fault(server: ValkeyProcess, store: Store) -> None:
    case = await accepted(store, "a")
    await asyncio.gather(*(apply(store, application(f"c{n}")) for n in range(6)))
    await forward(store, case)
    await steer(store, limit=9)
    await tick(store, PROGRAMME, LIMIT, KEPT_MS)
    await asyncio.gather(*(apply(store, application(f"c{n}")) for n in range(6)))

    seen = writes(server)

    assert [*seen.over, *seen.slotless, *seen.disorder, *seen.untimely] == []
    assert (seen.live, seen.high, seen.limit) == (6, in_flight(server).high, 9)
    assert seen.calls


async def test_a_slot_taken_away_is_found_in_the_file(server: ValkeyProcess, store: Store) -> None:
    one = await accepted(store, "a")
    await store.redis.zrem(f"{{{PROGRAMME}}}:slots", one.person)

    assert writes(server).slotless == [f"{one.id} was in process without a slot"]


async def test_the_register_is_read_as_the_journal_has_it(tmp_path: Path) -> None:
    path = tmp_path / "register.db"
    await migrate(f"sqlite:///{path}")
    journal = open_journal(f"sqlite:///{path}")
    entry = await register_one(journal, PROGRAMME, *FORWARDED)
    await register_one(journal, "other")
    await journal.register(new_entry(PROGRAMME))

    book = read_register(path, PROGRAMME)

    assert len(book.rows) == 2
    row = book.rows[entry.application_id]
    assert (row.number, row.state, row.person) == (entry.number, State.FORWARDED, entry.person)
    assert book.been[entry.application_id] >= {State.ACCEPTED, State.VERIFYING, State.FORWARDED}
    assert book.counted == {row.year: 2}
    await journal.close()
