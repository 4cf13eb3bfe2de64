import asyncio
from contextlib import suppress

import pytest
from arq.worker import Worker

from gateway.domain.case import State
from gateway.inflight.pools import open_pool
from tests.integration.workers.world import World
from workers.queues import queues_of


# The poll that a stop cut off leaves its connection to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_running_job_is_not_asked_about_again(world: World) -> None:
    await world.fault("labour-market", latency_ms=250)
    application_id = await world.accept()
    cases, *_ = queues_of(world.tools, lambda: open_pool(world.settings.redis_url, 2_000, retries=0))
    await world.tools.store.redis.config_resetstat()

    running = asyncio.create_task(cases.run())
    while (await world.states(application_id))[1] is not State.FORWARDED:  # noqa: ASYNC110 - The end is in the journal.
        await asyncio.sleep(0.02)
    cases.stop()
    await running

    calls = {
        name.removeprefix("cmdstat_"): figures["calls"]
        for name, figures in (await world.tools.store.redis.info("commandstats")).items()
    }
    # The queue was read at every poll; whether the job runs elsewhere was asked when it began.
    assert calls["zrangebyscore"] > 3
    assert calls["exists"] == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_queue_leaves_though_the_word_to_leave_was_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    beating = asyncio.Event()

    async def heart_beat(_: Worker) -> None:
        """As a call that takes its cancellation for the end of its deadline."""
        beating.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(1)

    monkeypatch.setattr(Worker, "heart_beat", heart_beat)
    cases, *_ = queues_of(world.tools, lambda: open_pool(world.settings.redis_url, 2_000, retries=0))
    running = asyncio.create_task(cases.run())
    await beating.wait()

    cases.stop()

    await asyncio.wait_for(running, 10)
