"""Limits of addresses and persons over HTTP: who is refused, what they are told, when they may come back."""

import asyncio
import json

import pytest

from gateway.domain.texts import Language
from gateway.http.problems import MEDIA_TYPE
from gateway.http.refusals import ProblemCode
from tests.integration.http import knocking, test_redis_cost
from tests.integration.http.journey import Journey, form, new_iin, new_phone
from tests.integration.http.knocking import HOME, OFFICE, Body, Clock, knock, use_up
from tests.integration.http.lost_receipts import UNKNOWN, ask
from tests.integration.http.waiting import APPLICATIONS

clock, redis_timeout_ms, settings = knocking.clock, knocking.redis_timeout_ms, knocking.settings
watch = test_redis_cost.watch

ADDRESS_WAIT_SECONDS = 1_200


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
