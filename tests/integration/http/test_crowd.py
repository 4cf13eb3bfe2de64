"""A process with more in hand than it takes, or a store that hangs: newcomers go away, the others go on."""

import asyncio
import itertools
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from gateway.domain.texts import Language
from gateway.http.refusals import ProblemCode
from supervisor.valkey import ValkeyProcess
from tests.integration.http import knocking
from tests.integration.http.journey import Journey, form, new_phone
from tests.integration.http.knocking import HOME, OFFICE, Body, Clock, knock
from tests.integration.http.waiting import WaitingRoom

clock, redis_timeout_ms, settings = knocking.clock, knocking.redis_timeout_ms, knocking.settings

# As many as a quick process takes in hand.
MOST_ROOM = 512
# How long a store that did not answer is not asked again.
PAUSE_SECONDS = 0.25


@contextmanager
def hung(valkey: ValkeyProcess) -> Iterator[None]:
    """It takes connections and what is sent, and says nothing."""
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(valkey.pid, signal.SIGCONT)


async def until_in_hand(journey: Journey, count: int, *sent: asyncio.Task[httpx.Response]) -> None:
    """Wait for it, unless one of those that were sent is answered before."""
    crowd = journey.services.crowd
    while crowd._in_hand != count and not any(map(asyncio.Task.done, sent)):  # noqa: ASYNC110 - Nothing tells.
        await asyncio.sleep(0)


async def cancel(*tasks: asyncio.Task[httpx.Response]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("redis_timeout_ms", [30_000])
async def test_in_a_crowd_newcomers_are_refused_unread_and_all_others_go_on(
    journey: Journey, valkey: ValkeyProcess
) -> None:
    room, fields, application = WaitingRoom(journey), form(), await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)
    await journey.set_limit(0)
    ticket = (await room.queue(fields))["ticket"]
    await journey.set_limit(25_000)
    await room.keeper.refresh()

    with hung(valkey):
        addresses = [f"198.18.{n // 256}.{n % 256}" for n in range(MOST_ROOM)]
        in_hand = [asyncio.create_task(knock(journey, address)) for address in addresses]
        await until_in_hand(journey, MOST_ROOM, *in_hand)
        refused = await knock(journey, HOME, unread := Body())
        called = asyncio.create_task(room.send(fields, ticket))
        confirmed = asyncio.create_task(journey.confirm(application, code))
        await until_in_hand(journey, MOST_ROOM + 1, called)
    replies = await asyncio.gather(*in_hand)

    assert (refused.status_code, refused.json()["code"]) == (503, "full")
    assert refused.json()["detail"] == journey.services.texts.get(Language.KK, "problem.full.crowded")
    assert "ticket" not in refused.json()
    assert 3 <= int(refused.headers["retry-after"]) <= 15
    assert not unread.was_read.is_set()
    assert ((await called).status_code, (await confirmed).status_code) == (202, 200)
    assert {reply.status_code for reply in replies} == {202}
    assert journey.services.crowd._in_hand == 0
    assert (await knock(journey)).status_code == 202


async def test_slow_senders_take_nobodys_place(journey: Journey) -> None:
    bodies = [Body(b"{", ends=False) for _ in range(MOST_ROOM)]
    senders = [asyncio.create_task(knock(journey, OFFICE, body)) for body in bodies]
    await asyncio.gather(*(body.was_read.wait() for body in bodies))

    heard = await knock(journey)
    await cancel(*senders)

    assert heard.status_code == 202


@pytest.mark.parametrize("redis_timeout_ms", [200])
async def test_whatever_ends_a_submission_its_place_is_free_again(
    journey: Journey, valkey: ValkeyProcess
) -> None:
    fields, key = form(), {"Idempotency-Key": "k"}
    await knock(journey, json=fields, headers=key)
    ends = [
        await knock(journey, OFFICE),
        await knock(journey, OFFICE, Body(b"{")),
        await knock(journey, OFFICE, json=form(iin="1")),
        await knock(journey, OFFICE, headers=key),
    ]
    [record] = await journey.redis.keys("{42500}:idem:*")
    await journey.redis.hset(record, "sealed_receipt", "broken")
    ends.append(await knock(journey, OFFICE, json=fields, headers=key))
    ends.append(await knock(journey, OFFICE))
    with hung(valkey):
        left = asyncio.create_task(knock(journey, "192.0.2.1"))
        await until_in_hand(journey, 1, left)
        await cancel(left)
        assert journey.services.crowd._in_hand == 0
        ends.append(await knock(journey, "192.0.2.2"))

    assert [reply.status_code for reply in ends] == [202, 400, 422, 422, 500, 429, 503]
    assert journey.services.crowd._in_hand == 0


async def most_connections(journey: Journey, calls: Awaitable[list[httpx.Response]]) -> int:
    """How many connections wait for Redis at once, at most, until all calls are answered with 503."""
    used, most = journey.redis.connection_pool._in_use_connections, 0
    answering = asyncio.ensure_future(calls)
    while not answering.done():
        most = max(most, len(used))
        await asyncio.sleep(0)
    assert {reply.json()["code"] for reply in answering.result()} == {ProblemCode.STORE_UNAVAILABLE}
    return most


@pytest.mark.parametrize("redis_timeout_ms", [200])
@pytest.mark.parametrize("way", ["submission", "confirmation", "status"])
async def test_a_store_that_hangs_is_asked_by_one_and_the_others_hear_it_at_once(
    journey: Journey, valkey: ValkeyProcess, clock: Clock, way: str
) -> None:
    application = await journey.submit()
    calls: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
        "submission": lambda: knock(journey, f"198.18.0.{next(hosts)}"),
        "confirmation": lambda: journey.confirm(application, "123456"),
        "status": lambda: journey.client.get(
            f"/v1/applications/{application.id}", headers=application.bearer
        ),
    }
    hosts = itertools.count(1)

    def many() -> Awaitable[list[httpx.Response]]:
        return asyncio.gather(*(calls[way]() for _ in range(50)))

    with hung(valkey):
        first = await most_connections(journey, many())
        at_once = await most_connections(journey, many())
        unread = Body()
        assert (await knock(journey, body=unread)).status_code == 503
        clock.seconds += PAUSE_SECONDS
        once_more = await most_connections(journey, many())

    assert (first > 1, at_once, once_more) == (True, 0, 1)
    assert not unread.was_read.is_set()
    clock.seconds += PAUSE_SECONDS
    await journey.redis_is_back()
    assert (await knock(journey)).status_code == 202
    assert (await journey.status(application))["state"] == "awaiting_phone"
