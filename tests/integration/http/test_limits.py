import asyncio
import itertools
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest

from config.settings import CONFIG_DIR, Settings
from gateway.domain.texts import Language
from gateway.http.problems import MEDIA_TYPE
from gateway.http.refusals import ProblemCode
from supervisor.valkey import ValkeyProcess
from tests.integration.http import test_redis_cost
from tests.integration.http.journey import Journey, form, new_iin, new_phone
from tests.integration.http.lost_receipts import UNKNOWN, ask
from tests.integration.http.waiting import APPLICATIONS, WaitingRoom

watch = test_redis_cost.watch

JSON = {"Content-Type": "application/json"}
HOME, OFFICE = "198.51.100.7", "203.0.113.9"
# As many as a quick process takes in hand.
MOST_ROOM = 512
# How long a store that did not answer is not asked again.
PAUSE_SECONDS = 0.25
# So few and so seldom that the time a test takes decides nothing.
LIMITS = {
    "address": "{ count = 3, window_seconds = 3_600 }",
    "person": "{ count = 2, window_seconds = 7_200 }",
}
ADDRESS_WAIT_SECONDS = 1_200


@pytest.fixture
def redis_timeout_ms() -> int:
    return 2_000


@pytest.fixture
def settings(settings: Settings, redis_timeout_ms: int) -> Settings:
    """A programme with few of everything, behind a proxy that is believed."""
    programmes = settings.data_dir / "programmes"
    programmes.mkdir()
    lines = (CONFIG_DIR / "programmes" / "42500.toml").read_text().splitlines()
    changed = [
        f"{name} = {LIMITS[name]}" if (name := line.split(" ")[0]) in LIMITS else line for line in lines
    ]
    (programmes / "42500.toml").write_text("\n".join(changed))
    return msgspec.structs.replace(
        settings,
        programmes_dir=programmes,
        trusted_proxies=("127.0.0.0/8",),
        redis_timeout_ms=redis_timeout_ms,
        body_timeout_ms=60_000,
    )


class Clock:
    """What a process takes for the time, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    stopped = SimpleNamespace(monotonic=clock.monotonic, perf_counter=time.perf_counter)
    monkeypatch.setattr("gateway.http.crowd.time", stopped)
    monkeypatch.setattr("gateway.inflight.store.time", stopped)
    return clock


class Body:
    """A body that notices whether it is read, and does not end before it is told to."""

    def __init__(self, content: bytes = b"{}", *, ends: bool = True) -> None:
        self.content, self.was_read, self.may_end = content, asyncio.Event(), asyncio.Event()
        if ends:
            self.may_end.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.was_read.set()
        yield self.content
        await self.may_end.wait()


async def knock(
    journey: Journey, address: str = HOME, body: Body | None = None, **more: Any
) -> httpx.Response:
    """Send a new person's form, or a body of its own."""
    sent: dict[str, Any] = {"json": form()} if body is None else {"content": body}
    headers = {"X-Forwarded-For": address, **(JSON if body else {}), **more.pop("headers", {})}
    return await journey.client.post(APPLICATIONS, headers=headers, **{**sent, **more})


async def use_up(journey: Journey, address: str = HOME) -> None:
    replies = [await knock(journey, address) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [202] * 3


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


@pytest.mark.parametrize("language", Language)
async def test_whoever_knocks_too_often_is_told_why_and_when_to_come_back(
    journey: Journey, language: Language
) -> None:
    await use_up(journey)

    # The first is said by Redis, the second by what the process remembers of it.
    for _ in range(2):
        reply = await knock(journey, headers={"Accept-Language": language})
        assert reply.status_code == 429
        assert reply.headers["content-type"] == MEDIA_TYPE
        assert reply.headers["content-language"] == language
        assert reply.headers["ratelimit-policy"] == '"address";q=3;w=3600'
        name, rest, wait = reply.headers["ratelimit"].split(";")
        assert (name, rest) == ('"address"', "r=0")
        wait_seconds = int(wait.removeprefix("t="))
        assert ADDRESS_WAIT_SECONDS - 60 <= wait_seconds <= ADDRESS_WAIT_SECONDS
        assert wait_seconds <= int(reply.headers["retry-after"]) <= wait_seconds + 2
        problem, texts = reply.json(), journey.services.texts
        assert problem["code"] == ProblemCode.RATE_LIMITED
        assert problem["title"] == texts.get(language, "problem.rate_limited.title")
        assert problem["detail"] == texts.get(language, "problem.rate_limited.detail")


async def test_what_the_process_knows_is_said_before_the_body_is_read_and_without_redis(
    journey: Journey, watch: test_redis_cost.Watch
) -> None:
    await use_up(journey)
    first, second = Body(b"{"), Body(b"{")

    # One that Redis has to hear must be right.
    assert (await knock(journey)).status_code == 429
    cost = await watch(asyncio.gather(knock(journey, body=first), knock(journey, body=second)))

    assert cost == []
    assert not any(body.was_read.is_set() for body in (first, second))
    assert (await knock(journey, OFFICE)).status_code == 202


async def test_an_address_is_heard_again_after_its_wait(journey: Journey, clock: Clock) -> None:
    await use_up(journey)
    assert (await knock(journey)).status_code == 429

    await journey.let_pass(ADDRESS_WAIT_SECONDS * 1000)
    clock.seconds += ADDRESS_WAIT_SECONDS - 60
    early = await knock(journey, body=(unread := Body()))
    clock.seconds += 60
    replies = [await knock(journey) for _ in range(2)]

    assert (early.status_code, unread.was_read.is_set()) == (429, False)
    assert [reply.status_code for reply in replies] == [202, 429]


async def test_an_address_is_counted_for_all_processes_together(journey: Journey) -> None:
    await use_up(journey)

    # As in a process that has never heard of it.
    journey.services.crowd._paid_until.clear()
    body = Body(json.dumps(form()).encode())
    reply = await knock(journey, body=body)

    assert (reply.status_code, body.was_read.is_set()) == (429, True)
    assert reply.headers["ratelimit-policy"] == '"address";q=3;w=3600'


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "9.9.9.9",
        "127.0.0.1",
        "9.9.9.9, 127.0.0.1",
        "x" * 10_000,
        "9.9.9.9," * 1_000,
        "[::1]",
        "2001:db8::1",
    ],
)
async def test_a_forged_header_moves_the_count_nowhere(journey: Journey, forged: str) -> None:
    await use_up(journey)

    replies = [
        await knock(journey, f"{forged}, {HOME}"),
        await knock(journey, f"{forged}, {HOME}:4711, 127.0.0.2"),
        await journey.client.post(
            APPLICATIONS, json=form(), headers=[("X-Forwarded-For", forged), ("X-Forwarded-For", HOME)]
        ),
    ]

    assert [reply.status_code for reply in replies] == [429] * 3
    assert (await knock(journey, f"{HOME}, {OFFICE}")).status_code == 202


async def test_one_network_of_ipv6_is_one_client(journey: Journey) -> None:
    replies = [await knock(journey, f"2001:db8:0:1:{n}::{n}") for n in range(1, 5)]

    assert [reply.status_code for reply in replies] == [202, 202, 202, 429]
    assert (await knock(journey, "2001:db8:0:2::1")).status_code == 202


async def test_a_persons_limit_is_no_limit_of_the_address(journey: Journey) -> None:
    iin = new_iin()
    replies = [await knock(journey, address, json=form(iin=iin)) for address in (HOME, OFFICE, HOME, OFFICE)]

    assert [reply.status_code for reply in replies] == [202, 202, 429, 429]
    assert replies[2].headers["ratelimit-policy"] == '"person";q=2;w=7200'
    assert 3_540 <= int(replies[2].headers["retry-after"]) <= 3_602
    assert [(await knock(journey)).status_code for _ in range(2)] == [202, 202]


async def test_a_repeat_is_answered_though_the_persons_limit_is_used_up(journey: Journey) -> None:
    fields, key = form(), {"Idempotency-Key": "k"}
    first = await knock(journey, json=fields, headers=key)
    assert (await knock(journey, OFFICE, json=fields)).status_code == 202
    assert (await knock(journey, OFFICE, json=fields)).status_code == 429

    again = [await knock(journey, json=fields, headers=key) for _ in range(3)]

    assert [reply.status_code for reply in again] == [202, 202, 429]
    assert again[0].json() == again[1].json() == first.json()


async def test_requests_for_lost_receipts_count_for_their_address(journey: Journey) -> None:
    journey.client.headers["X-Forwarded-For"] = HOME
    replies = [await ask(journey, UNKNOWN, new_phone()) for _ in range(4)]

    assert [reply.status_code for reply in replies] == [202, 202, 202, 429]
    assert replies[3].headers["ratelimit-policy"] == '"address";q=3;w=3600'
    assert (await knock(journey)).status_code == 429


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
