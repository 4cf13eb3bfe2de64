import asyncio
import os
from pathlib import Path

import pytest

from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import tick
from gateway.inflight.steering import change_controls
from loadtests.aof import read_steps, recompute_live
from loadtests.bench.http_measure import NotAsExpected
from loadtests.bench.plan import BenchPlan, usable_cores
from loadtests.bench.redis_applications import PROGRAMME
from loadtests.bench.redis_crowd import LONGEST_WINDOW_MS, TICK_MS, Crowd
from loadtests.bench.redis_line import count_inversions
from loadtests.bench.redis_minting import mint
from loadtests.bench.redis_racer import Heat, crowd, run
from loadtests.bench.redis_server import redis_server


@pytest.fixture
def plan(tmp_path: Path) -> BenchPlan:
    cores = usable_cores()
    return BenchPlan(tmp_path, cores[0], cores[-1])


async def test_a_server_is_empty_and_leaves_nothing_behind(plan: BenchPlan) -> None:
    async with redis_server(plan) as server:
        found = await server.store.redis.info()
        pid = found["process_id"]

        assert await server.store.redis.dbsize() == 0
        assert found["aof_enabled"] == 1
        assert os.sched_getaffinity(pid) == {plan.server_core}

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert list(plan.work_dir.iterdir()) == []


async def test_everybody_waits_who_is_sent_to_a_full_door(plan: BenchPlan) -> None:
    async with redis_server(plan) as server:
        await tick(server.store, PROGRAMME.code, PROGRAMME.slots, KEPT_MS)
        await change_controls(server.store, PROGRAMME, {"limit": 0}, {})
        await mint(server.store, PROGRAMME.code, range(1_000))

        assert (await tick(server.store, PROGRAMME.code, 0, KEPT_MS)).waiting == 1_000


async def test_minting_at_an_open_door_is_a_mistake(plan: BenchPlan) -> None:
    async with redis_server(plan) as server:
        with pytest.raises(NotAsExpected):
            await mint(server.store, PROGRAMME.code, range(100))


async def test_racers_for_the_same_slots_fill_them_exactly(plan: BenchPlan) -> None:
    limit, heat = 30, Heat("race", 0)
    async with redis_server(plan) as server:
        await tick(server.store, heat.programme, limit, KEPT_MS)
        winners = await asyncio.gather(*(run(server.store, heat, crowd(heat, racer)) for racer in range(3)))
        occupancies = list(recompute_live(read_steps(server.aof), heat.programme))

    assert len({person for persons in winners for person in persons}) == limit
    assert max(one.live for one in occupancies) == limit
    assert not any(one.is_over for one in occupancies)


async def test_a_small_line_moves_in_order_until_everybody_who_comes_was_in(plan: BenchPlan) -> None:
    slots, people = 10, 100
    async with redis_server(plan) as server:
        line = Crowd(server.store, slots, held_ms=30_000)
        await line.arrive(people)
        await line.pass_seconds(2_000)

    in_line = [one for one in line.tickets if one.place.lane == 0]
    assert len(in_line) == people - slots
    assert count_inversions(one.called_at_ms for one in in_line) == 0
    assert line.served == slots + sum(one.delay_ms is not None for one in in_line)
    assert 0 < max(one.kept_ms for one in in_line) <= LONGEST_WINDOW_MS + TICK_MS
