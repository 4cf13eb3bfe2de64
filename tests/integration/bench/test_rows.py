"""Short measurements of the real thing: that its answers are understood, not how fast they are."""

from pathlib import Path

import pytest

from loadtests.bench.generator import lay_on
from loadtests.bench.http_admissions import measure_round_trips
from loadtests.bench.loads import Crowd
from loadtests.bench.plan import BenchPlan, NotRun, usable_cores
from loadtests.bench.servers import ServerFailed, gateway, peer, store

SLOTS = 5


@pytest.fixture
def plan(tmp_path: Path) -> BenchPlan:
    cores = usable_cores()
    return BenchPlan(tmp_path, cores[0], cores[-1], repetitions=1, seconds=0.5)


async def test_the_round_trips_of_admissions_are_counted(plan: BenchPlan) -> None:
    [figure] = await measure_round_trips(plan)

    assert 0 < figure.value < 1
    assert figure.at_most


async def test_a_crowd_understands_the_door(plan: BenchPlan) -> None:
    async with store(plan) as redis, gateway(plan, redis.url, limit=SLOTS) as port:
        result = await lay_on(Crowd(port, first=0, seconds=4, per_second=20), plan.client_core)

    assert result.lost == 0
    assert result.answers.keys() == {"sent", "apply 202", "apply 503", "poll 200"}
    assert result.answers["apply 202"] == SLOTS


async def test_a_server_that_does_not_start_says_why(plan: BenchPlan) -> None:
    with pytest.raises(ServerFailed, match="QABYLDAU_LIMIT"):
        async with gateway(plan, "redis://127.0.0.1:1/0", limit=-1):
            pass


async def test_without_the_peers_a_row_cannot_be_measured(
    plan: BenchPlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("loadtests.bench.servers.PEERS_PYTHON", tmp_path / "python")

    with pytest.raises(NotRun, match="make bench"):
        async with peer(plan, "raw_asgi", 100):
            pass
