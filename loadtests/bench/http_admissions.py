"""Durable admissions in a second, beside what others build, and what one costs in calls to Redis."""

from contextlib import AsyncExitStack

from loadtests.bench.figures import Figure, median_figure
from loadtests.bench.generator import lay_on
from loadtests.bench.http_measure import (
    MOST_READ_PER_SECOND,
    People,
    Side,
    ask,
    check,
    ratios,
    requests_for,
    say,
    side_by_side,
)
from loadtests.bench.loads import ClosedLoop
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_server import RedisServer
from loadtests.bench.requests import apply
from loadtests.bench.servers import gateway, peer, store

# The most that a limit may be: nobody is to be refused here.
SLOTS = 1_000_000

ACCEPTED = 202

ADMISSIONS = "durable admissions"
LOGGED = "durable admissions, every request logged"
FASTAPI = "FastAPI, slowapi, a counter and arq"
LITESTAR = "Litestar, its rate limit and arq"
PEERS = ((FASTAPI, "fastapi_counter"), (LITESTAR, "litestar_ratelimit"))

# What a client waits for an answer of Redis for: these are commands that are never called inside a function.
_ROUND_TRIPS = ("cmdstat_fcall", "cmdstat_fcall_ro", "cmdstat_wait", "cmdstat_waitaof")


def echo_of(answer_bytes: int) -> str:
    return f"bare Litestar echo, {answer_bytes} bytes"


async def measure_admissions(plan: BenchPlan) -> list[Figure]:
    people = People()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(store(plan))
        ours = await stack.enter_async_context(gateway(plan, redis.url, limit=SLOTS))
        logged = await stack.enter_async_context(gateway(plan, redis.url, limit=SLOTS, log_level="info"))
        size = len((await ask(ours, apply(people.take(1).first, "10.0.0.1"))).body)
        ports = {ADMISSIONS: ours, LOGGED: logged}
        for row, name in ((echo_of(size), "litestar_echo"), *PEERS):
            server = peer(plan, name, size, redis_url=redis.url, slots=SLOTS)
            ports[row] = await stack.enter_async_context(server)
        sides = {row: Side(port, ACCEPTED) for row, port in ports.items()}
        rates = await side_by_side(plan, sides, people)
    figures = ratios(rates, ADMISSIONS, {echo_of(size): 1.0, FASTAPI: 10.0, LITESTAR: None})
    return [*figures, *ratios(rates, LOGGED, {ADMISSIONS: None})]


async def measure_round_trips(plan: BenchPlan) -> list[Figure]:
    """Count what Redis was asked, ticks included, for each admission at 64 concurrent submissions."""
    people, costs = People(), []
    async with store(plan) as redis, gateway(plan, redis.url, limit=SLOTS) as port:
        for _ in range(plan.repetitions):
            requests = people.take(requests_for(plan, MOST_READ_PER_SECOND))
            before = await _round_trips(redis)
            # Without a warm-up all that Redis was asked belongs to answers that are counted.
            result = await lay_on(ClosedLoop(port, requests, plan.seconds, 0), plan.client_core)
            check(ADMISSIONS, result, ACCEPTED)
            costs.append((await _round_trips(redis) - before) / result.answers[str(ACCEPTED)])
            say(f"  {costs[-1]:.3f} round trips an admission")
    name = "Redis round trips an admission, 64 at once"
    return [median_figure(name, costs, "calls", target=0.2, at_most=True)]


async def _round_trips(redis: RedisServer) -> int:
    statistics = await redis.store.redis.info("commandstats")
    return sum(statistics[name]["calls"] for name in _ROUND_TRIPS if name in statistics)
