import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from gateway.domain.tickets import Ticket, write_ticket
from gateway.http.refusals import ProblemCode
from tests.integration.http.journey import PROGRAMME, Journey, form, new_phone
from tests.integration.http.waiting import LEASE_MS, WINDOW_MS, WaitingRoom

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"

# The refresh of each second, and the greeting on a new connection.
_IS_APART = re.compile("_tick |^CLIENT SETINFO ")

Watch = Callable[[Awaitable[Any]], Awaitable[list[str]]]


@pytest.fixture
async def watch(journey: Journey, redis_url: str) -> AsyncIterator[Watch]:
    """Return what a call costs: the commands that reached Redis meanwhile."""
    async with Redis.from_url(redis_url) as watcher, monitored(watcher) as commands:

        async def cost_of(call: Awaitable[Any]) -> list[str]:
            begin, end = secrets.token_hex(8), secrets.token_hex(8)
            await journey.redis.echo(begin)
            await call
            await journey.redis.echo(end)
            while not any(end in command for command in commands):  # noqa: ASYNC110 - The end is a command.
                await asyncio.sleep(0)
            texts = list(commands)
            first = next(at for at, text in enumerate(texts) if begin in text)
            last = next(at for at, text in enumerate(texts) if end in text)
            return [text for text in texts[first + 1 : last] if not _IS_APART.search(text)]

        yield cost_of


@asynccontextmanager
async def monitored(watcher: Redis) -> AsyncIterator[list[str]]:
    commands: list[str] = []
    async with watcher.monitor() as monitor:

        async def read() -> None:
            # What a function does inside is not a call of ours.
            async for command in monitor.listen():
                if command["client_type"] != "lua":
                    commands.append(command["command"])  # noqa: PERF401 - It never ends.

        reading = asyncio.create_task(read())
        yield commands
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_submission_costs_one_call(journey: Journey, watch: Watch) -> None:
    calls = await watch(journey.submit())

    assert len(calls) == 1
    assert calls[0].startswith("FCALL ")


async def test_a_confirmation_costs_one_call(journey: Journey, watch: Watch) -> None:
    application = await journey.submit()
    given = await watch(journey.give_phone(application, new_phone()))
    code = await journey.code(application)
    confirmed = await watch(journey.confirm(application, code))

    assert [call.partition(" ")[0] for call in given] == ["FCALL"]
    assert [call.partition(" ")[0] for call in confirmed] == ["FCALL"]


async def test_submissions_of_one_turn_share_one_call(journey: Journey, watch: Watch) -> None:
    calls = await watch(asyncio.gather(*(journey.submit() for _ in range(20))))

    assert len(calls) == 1


async def test_a_wrong_form_and_a_precheck_cost_nothing(journey: Journey, watch: Watch) -> None:
    precheck = APPLICATIONS.replace("applications", "precheck")

    assert await watch(journey.client.post(APPLICATIONS, json=form(iin="1"))) == []
    assert await watch(journey.client.post(precheck, json=form())) == []
    assert await watch(journey.client.get(f"/v1/programmes/{PROGRAMME}")) == []


async def test_polls_cost_nothing(journey: Journey, watch: Watch) -> None:
    room = WaitingRoom(journey)
    await room.fill()
    tickets = [(await room.queue())["ticket"] for _ in range(2)]
    await room.pass_time(LEASE_MS)

    answers: list[str] = []

    async def poll_all() -> None:
        for _ in range(100):
            answers.extend([(await room.poll(ticket))["state"] for ticket in tickets])

    assert await watch(poll_all()) == []
    assert answers == ["called", "waiting"] * 100


async def test_a_closed_programme_costs_no_more(journey: Journey, watch: Watch) -> None:
    room = WaitingRoom(journey)
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    await journey.steer(mode="closed", message_kk="Үзіліс.", message_ru="Перерыв.", message_en="A break.")

    far = far_away(journey, room.read(ticket))
    claims: list[httpx.Response] = []

    async def claim() -> None:
        claims.append(await room.send(fields, far))

    assert await watch(claim()) == []
    assert claims[0].json()["code"] == ProblemCode.PROGRAMME_CLOSED
    newcomer = await watch(room.send(form()))
    assert [call.partition(" ")[0] for call in newcomer] == ["FCALL"]
    assert await watch(room.poll(ticket)) == []
    assert await watch(journey.client.get(f"/v1/programmes/{PROGRAMME}")) == []


async def test_polls_of_the_late_share_one_look(journey: Journey, watch: Watch) -> None:
    room = WaitingRoom(journey)
    await room.fill()
    ticket = (await room.queue())["ticket"]
    await room.pass_time(LEASE_MS)
    await room.pass_time(WINDOW_MS)

    calls = await watch(asyncio.gather(*(room.poll(ticket) for _ in range(100))))

    assert [call.partition(" ")[0] for call in calls] == ["GETRANGE"]


def far_away(journey: Journey, ticket: Ticket) -> str:
    """Move a ticket to where a hundred seconds of calling are before it."""
    far = msgspec.structs.replace(ticket.place, number=100_000)
    return write_ticket(msgspec.structs.replace(ticket, place=far), journey.services.ring.sign)


async def test_a_claim_that_is_surely_early_costs_nothing(journey: Journey, watch: Watch) -> None:
    room = WaitingRoom(journey)
    await room.fill()
    fields = form()
    ticket = room.read((await room.queue(fields))["ticket"])
    text = far_away(journey, ticket)

    replies: list[httpx.Response] = []

    async def claim() -> None:
        replies.append(await room.send(fields, text))

    assert await watch(claim()) == []
    assert replies[0].json()["code"] == ProblemCode.TICKET_NOT_CALLED
    # A hundred seconds, up to a fifth earlier, and up to two later.
    assert 80 <= int(replies[0].headers["retry-after"]) <= 102
