from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.inflight.admission import Admitted, Full
from gateway.inflight.figures import LIMITS, Figures, LaneFigures, QueueFigures, read_figures
from gateway.inflight.missed import read_missed
from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from tests.integration.inflight.people import (
    KEPT_MS,
    LEASE_MS,
    PROGRAMME,
    accepted,
    admitted,
    application,
    apply,
    pass_time,
)

LIMIT = 3


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    redis = open_redis(redis_url, timeout_ms=2000)
    yield Store(redis)
    await redis.aclose()


async def figures(store: Store) -> Figures:
    found = await read_figures(store, PROGRAMME)
    assert found is not None
    return found


async def everything(store: Store) -> dict[Any, Any]:
    """All keys but those of the rates, which go by themselves."""
    keys = [key for key in await store.redis.keys("*") if b":rate:" not in key]
    return {key: await store.redis.dump(key) for key in keys}


async def fill(store: Store) -> None:
    """One accepted, two leases, two who wait."""
    await accepted(store, "accepted", limit=LIMIT)
    for person in ("leased", "leased too"):
        await admitted(store, person, LIMIT)
    for person in ("waiting", "waiting too"):
        assert isinstance(await apply(store, application(person), LIMIT), Full)


async def test_nothing_is_told_of_a_programme_that_was_never_served(store: Store) -> None:
    assert await read_figures(store, PROGRAMME) is None


async def test_slots_and_line_are_told_as_a_tick_would(store: Store) -> None:
    await fill(store)

    found, summary = await figures(store), await tick(store, PROGRAMME, LIMIT, KEPT_MS)
    assert (found.limit, found.live, found.unconfirmed, found.accepted, found.high) == (3, 3, 2, 1, 3)
    assert (found.line.waiting, found.front_row.waiting) == (2, 0)
    assert (found.live, found.unconfirmed, found.accepted) == (
        summary.live,
        summary.unconfirmed,
        summary.accepted,
    )
    assert (found.limit, found.high) == (summary.limit, summary.high)


async def test_those_who_are_called_and_have_not_come_are_told(store: Store) -> None:
    await fill(store)
    await pass_time(store, LEASE_MS)

    found = await figures(store)
    assert found.live == 1
    assert found.line == LaneFigures(minted=2, called=2, reserved=2)
    assert found.line.waiting == 0


async def test_those_who_let_their_window_pass_are_told_until_they_come(store: Store) -> None:
    await fill(store)
    await pass_time(store, LEASE_MS)
    assert await read_missed(store, PROGRAMME, await figures(store)) == {"line": 0, "front_row": 0}

    await pass_time(store, 60_000)
    assert await read_missed(store, PROGRAMME, await figures(store)) == {"line": 2, "front_row": 0}

    # Whoever sends the form again, late, comes in or into the front row: missed no more.
    assert isinstance(await apply(store, application("waiting"), LIMIT), Admitted)
    assert await read_missed(store, PROGRAMME, await figures(store)) == {"line": 1, "front_row": 0}


async def test_a_lease_that_is_over_is_not_live_even_before_anybody_swept_it(store: Store) -> None:
    await admitted(store, "leased", LIMIT)
    await store.redis.hincrby(f"{{{PROGRAMME}}}:door", "svc", LEASE_MS)  # type: ignore[misc]  # redis-py types one method for sync and async.

    found = await figures(store)
    assert (found.live, found.unconfirmed, found.high) == (0, 0, 1)


async def test_what_a_limit_in_shadow_would_have_refused_is_told(store: Store) -> None:
    for person in ("first", "second", "third"):
        assert isinstance(await apply(store, application(person), address_limit="1:60000:1"), Admitted)

    shadowed = (await figures(store)).shadowed
    assert shadowed == dict.fromkeys(LIMITS, 0) | {"address": 2}


async def test_watching_changes_nothing_and_passes_for_no_service(store: Store) -> None:
    await fill(store)
    before = await everything(store)

    for _ in range(3):
        await figures(store)

    assert await everything(store) == before


async def test_queues_are_told_with_the_age_of_what_is_due_for_longest(store: Store) -> None:
    await fill(store)
    seconds, _ = await store.redis.time()
    now_ms = seconds * 1000
    due = {"late": now_ms - 60_000, "later": now_ms - 30_000, "tomorrow": now_ms + 86_400_000}
    await store.redis.delete(f"{{{PROGRAMME}}}:cases", f"{{{PROGRAMME}}}:sms")
    await store.redis.zadd(f"{{{PROGRAMME}}}:cases", due)
    await store.redis.zadd(f"{{{PROGRAMME}}}:sms", {"tomorrow": due["tomorrow"]})

    queues = (await figures(store)).queues
    assert queues["cases"].jobs == 3
    assert queues["cases"].oldest_seconds >= 60
    assert queues["sms"] == QueueFigures(jobs=1, oldest_ms=0)
    assert queues["receipts"] == QueueFigures(jobs=0, oldest_ms=0)
