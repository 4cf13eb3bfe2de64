import json
import time

import pytest

from gateway.domain.case import State
from gateway.register.entries import DEAD_LETTER
from tests.integration.workers.test_process_case import with_terms
from tests.integration.workers.world import FAILS, PASSES, UNKNOWN, World, made_up_iins
from workers import recovery
from workers.main import run_reconcile, run_recover
from workers.recovery import erase, queue_lost_notices, requeue_lost_jobs, restore_missing, unpark_due


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing counts as young: what was left a moment ago is looked at."""
    monkeypatch.setattr(recovery, "STUCK_MS", -1000)
    monkeypatch.setattr(recovery, "UNTOLD_MS", -1000)


async def test_a_case_that_redis_lost_comes_back_from_the_journal(world: World, at_once: None) -> None:
    one = await world.accept()
    await world.fault("labour-market", error_rate=1)
    with pytest.raises(Exception, match="defer"):
        await world.process(one)
    await world.fault("labour-market")
    await world.tools.store.redis.flushall()

    assert await restore_missing(world.tools) == 1
    assert await restore_missing(world.tools) == 0
    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)
    assert await world.effects() == {one: 1}


async def test_one_sweep_finds_every_lost_job(world: World) -> None:
    people = [await world.accept(iin) for iin in made_up_iins(2 * recovery.BATCH + 1)]
    redis = world.tools.store.redis
    await redis.delete("{42500}:cases", *await redis.keys("arq:job:*"))
    await redis.zadd("{42500}:active", dict.fromkeys(people, 1))

    assert await requeue_lost_jobs(world.tools) == len(people)
    assert await redis.zcard("{42500}:cases") == len(people)


async def test_a_parked_case_whose_person_has_applied_anew_waits_for_an_official(world: World) -> None:
    world = with_terms(world, unknown_retry_seconds=0)
    old = await world.accept(UNKNOWN)
    await world.process(old)
    await world.tools.store.redis.flushall()
    await world.accept(UNKNOWN)

    assert await unpark_due(world.tools) == 0

    entry = await world.tools.journal.get(old)
    assert entry is not None
    assert (entry.state, entry.park_reason) == (State.PARKED, DEAD_LETTER)
    assert await unpark_due(world.tools) == 0


async def test_a_lost_notice_is_queued_again(world: World, at_once: None) -> None:
    one = await world.accept(FAILS)
    await world.process(one)
    await world.tools.store.redis.delete("{42500}:sms")

    assert await queue_lost_notices(world.tools) == 1
    assert await world.tools.store.redis.zcard("{42500}:sms") == 1


async def test_personal_data_are_erased_when_their_time_is_over_and_not_before(world: World) -> None:
    one = await world.accept(FAILS)
    await world.process(one)
    assert await erase(world.tools) == 0
    the_day_after = with_terms(world, erase_after_days=-1)

    assert await erase(the_day_after.tools) == 1

    entry = await world.tools.journal.get(one)
    assert entry is not None
    assert (entry.sealed, entry.sealed_phone, entry.phone_hash) == (None, None, None)
    assert entry.erased_at_ms is not None
    assert entry.erased_at_ms <= time.time() * 1000 + 1000


async def test_the_books_agree_and_the_command_says_so(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for iin in (PASSES, FAILS, UNKNOWN):
        await world.process(await world.accept(iin))
    await world.accept("900101300522")

    assert await run_reconcile(world.settings) == 0

    books = json.loads(capsys.readouterr().out)["42500"]
    assert (books["accepted"], books["registered"], books["in_process_unregistered"]) == (4, 3, 1)
    assert books["states"] == {"forwarded": 1, "parked": 1, "refused": 1}


@pytest.mark.parametrize(
    ("break_it", "difference"),
    [
        ("HINCRBY {42500}:door accepted 1", "unaccounted"),
        ("ZADD {42500}:slots 9000000000000000 nobody", "slots_without_case"),
    ],
)
async def test_a_difference_between_the_books_is_said(
    world: World, capsys: pytest.CaptureFixture[str], break_it: str, difference: str
) -> None:
    await world.process(await world.accept())
    await world.tools.store.redis.execute_command(*break_it.split())

    assert await run_reconcile(world.settings) == 1

    assert json.loads(capsys.readouterr().out)["42500"][difference] == 1


async def test_the_recover_command_sweeps_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    one = await world.accept()
    await world.tools.store.redis.delete("{42500}:cases")
    await world.tools.store.redis.zadd("{42500}:active", {one: 1})

    assert await run_recover(world.settings) == 0

    assert json.loads(capsys.readouterr().out.splitlines()[-1])["42500"]["requeued"] == 1
