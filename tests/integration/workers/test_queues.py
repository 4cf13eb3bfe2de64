import asyncio

import pytest

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
