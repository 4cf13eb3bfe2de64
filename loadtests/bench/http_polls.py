"""Looks at one's place in the line: how many a second, and that they cost no call to Redis."""

import asyncio
import time

import msgspec

from loadtests.bench.crowd import Told
from loadtests.bench.figures import Figure, median_figure
from loadtests.bench.generator import lay_on
from loadtests.bench.http_measure import (
    MOST_UNREAD_PER_SECOND,
    People,
    Side,
    ask,
    check,
    ratios,
    requests_for,
    say,
    side_by_side,
)
from loadtests.bench.http_refusals import answer_bytes_when_full, raw_of
from loadtests.bench.loads import ClosedLoop, Polls
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_server import RedisServer
from loadtests.bench.requests import apply, poll
from loadtests.bench.servers import gateway, peer, store
from loadtests.people import address

FOUND = 200
POLLS = "polls of the waiting room"

# Polls come from people with tickets of their own; more would only make the start longer.
_TICKETS = 200


async def measure_polls(plan: BenchPlan) -> list[Figure]:
    people = People()
    async with store(plan) as redis, gateway(plan, redis.url, limit=1) as ours:
        await answer_bytes_when_full(ours, people)
        tickets = await _take_tickets(ours, people)
        size = len((await ask(ours, poll(tickets[0], address(0)))).body)
        requests = Polls(tickets, requests_for(plan, MOST_UNREAD_PER_SECOND))
        async with peer(plan, "raw_asgi", size) as raw:
            sides = {POLLS: Side(ours, FOUND, requests), raw_of(size): Side(raw, FOUND, requests)}
            rates = await side_by_side(plan, sides, people)
        calls = [await _calls_while_polled(plan, redis, ours, requests) for _ in range(plan.repetitions)]
    name = "calls to Redis a second and process while polled"
    return [
        *ratios(rates, POLLS, {raw_of(size): 0.6}),
        median_figure(name, calls, "/s", target=1.0, at_most=True),
    ]


async def _take_tickets(port: int, people: People) -> tuple[str, ...]:
    first = people.take(_TICKETS).first
    answers = [await ask(port, apply(n, address(n))) for n in range(first, first + _TICKETS)]
    return tuple(msgspec.json.decode(answer.body, type=Told).ticket or "" for answer in answers)


async def _calls_while_polled(plan: BenchPlan, redis: RedisServer, port: int, requests: Polls) -> float:
    """Listen to all that Redis is asked, but for what functions ask in it."""
    began_at, calls = time.monotonic(), 0
    async with redis.store.redis.monitor() as monitor:
        polled = asyncio.create_task(lay_on(ClosedLoop(port, requests, plan.seconds, 0), plan.client_core))
        while not polled.done():
            calls += (await monitor.next_command())["client_type"] != "lua"
    check(POLLS, await polled, FOUND)
    # As many moments a second apart fit into a time, and one more.
    calls_per_second = (calls - 1) / (time.monotonic() - began_at)
    say(f"  {calls_per_second:.2f} calls to Redis a second")
    return calls_per_second
