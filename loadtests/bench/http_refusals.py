"""Refusals in a second: of newcomers when all slots are taken, and of an address that asks too often."""

from contextlib import AsyncExitStack

from loadtests.bench.figures import Figure
from loadtests.bench.generator import lay_on
from loadtests.bench.http_admissions import ACCEPTED, SLOTS, echo_of
from loadtests.bench.http_measure import (
    MOST_UNREAD_PER_SECOND,
    People,
    Side,
    ask,
    ratios,
    requests_for,
    say,
    side_by_side,
)
from loadtests.bench.loads import ClosedLoop
from loadtests.bench.plan import BenchPlan, NotRun
from loadtests.bench.requests import apply
from loadtests.bench.servers import gateway, nginx, peer, store
from loadtests.people import address

FULL, LIMITED = 503, 429

REFUSALS = "refusals when full, each with a ticket"
SHED = "shed refusals, body unread"
NGINX = "nginx refusing"

ONE_ADDRESS = "192.0.2.1"
# Several times what a programme lets an address have at once.
_TOO_MANY = 2_000


def raw_of(answer_bytes: int) -> str:
    return f"raw ASGI, {answer_bytes} bytes"


async def measure_full(plan: BenchPlan) -> list[Figure]:
    people = People()
    async with store(plan) as redis, gateway(plan, redis.url, limit=1) as ours:
        size = await answer_bytes_when_full(ours, people)
        async with peer(plan, "litestar_echo", size) as echo:
            sides = {REFUSALS: Side(ours, FULL), echo_of(size): Side(echo, ACCEPTED)}
            rates = await side_by_side(plan, sides, people)
    return ratios(rates, REFUSALS, {echo_of(size): 1.0})


async def answer_bytes_when_full(port: int, people: People) -> int:
    """Let the first person have the only slot, and return how long the answer to the second is."""
    first = people.take(2).first
    answers = [await ask(port, apply(n, address(n))) for n in (first, first + 1)]
    return len(answers[1].body)


async def measure_shed(plan: BenchPlan) -> list[Figure]:
    people = People()
    async with store(plan) as redis, gateway(plan, redis.url, limit=SLOTS) as ours:
        size = await _answer_bytes_when_limited(plan, ours, people)
        requests = people.take(requests_for(plan, MOST_UNREAD_PER_SECOND), ONE_ADDRESS)
        sides = {SHED: Side(ours, LIMITED, requests)}
        targets: dict[str, float | None] = {raw_of(size): 0.6}
        async with AsyncExitStack() as stack:
            raw = await stack.enter_async_context(peer(plan, "raw_asgi", size))
            sides[raw_of(size)] = Side(raw, FULL, requests)
            try:
                sides[NGINX] = Side(await stack.enter_async_context(nginx(plan, size)), FULL, requests)
                targets[NGINX] = None
            except NotRun as reason:
                say(f"  without {NGINX}: {reason}")
            rates = await side_by_side(plan, sides, people)
    return ratios(rates, SHED, targets)


async def _answer_bytes_when_limited(plan: BenchPlan, port: int, people: People) -> int:
    """Ask too often from one address, and return how long the answer to that is."""
    load = ClosedLoop(port, people.take(_TOO_MANY, ONE_ADDRESS), plan.seconds, 0)
    result = await lay_on(load, plan.client_core)
    if str(LIMITED) not in result.answers:
        raise NotRun(f"the gateway limits no address: {result.answers}")
    # Some are let in again by now.
    while (answer := await ask(port, apply(people.take(1).first, ONE_ADDRESS))).status != LIMITED:
        pass
    return len(answer.body)
