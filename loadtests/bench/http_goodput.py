"""What is still admitted when ever more is asked: a service that is overrun must not admit less."""

from loadtests.bench.figures import Figure, median_figure, ratio_figure
from loadtests.bench.generator import lay_on
from loadtests.bench.http_admissions import ACCEPTED, SLOTS
from loadtests.bench.http_measure import (
    MOST_READ_PER_SECOND,
    PER_SECOND,
    WARM_UP_SECONDS,
    People,
    check,
    requests_for,
    say,
)
from loadtests.bench.loads import SENT, ClosedLoop, OpenLoop, Result
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_server import redis_server
from loadtests.bench.servers import gateway

# Multiples of what the service answers when it is never asked for more than 64 at once.
_STEPS = (0.8, 1.0, 1.5, 2.0, 4.0, 8.0)

# Who waits longer for an answer has turned away; an admission that comes then is good for nobody.
_PATIENCE_SECONDS = 2.0

# The generator reaches a rate when it sends nearly all that it planned, and nearly at the moments planned.
_SENT_PART, _LATE_MS = 0.97, 50.0

GOODPUT = "goodput at the highest rate offered, Redis on the server's core"
PEAK = "peak goodput"


async def measure_goodput(plan: BenchPlan) -> list[Figure]:
    pairs, highest = [], []
    for _ in range(plan.repetitions):
        # Redis shares the core of the server here: beside a generator at full speed it would be measured
        # how much of their core that one takes away.
        async with redis_server(plan) as redis, gateway(plan, redis.url, limit=SLOTS) as port:
            offered, goodputs = await _climb(plan, port, People())
        pairs.append((goodputs[-1], max(goodputs)))
        highest.append(offered)
    return [
        ratio_figure(GOODPUT, pairs, PER_SECOND, baseline=PEAK, target=0.9),
        median_figure(PEAK, [peak for _, peak in pairs], PER_SECOND),
        median_figure("highest rate offered", highest, PER_SECOND),
    ]


async def _climb(plan: BenchPlan, port: int, people: People) -> tuple[float, list[float]]:
    """Return the highest rate that was reached, and the goodput at each up to it."""
    closed = ClosedLoop(
        port, people.take(requests_for(plan, MOST_READ_PER_SECOND)), plan.seconds, WARM_UP_SECONDS
    )
    result = await lay_on(closed, plan.client_core)
    check("closed loop", result, ACCEPTED)
    base = result.per_second(str(ACCEPTED))
    offered, goodputs = base, [base]
    for step in _STEPS:
        # Half as many again: how many come in a time is a matter of chance.
        count = int(1.5 * step * base * plan.seconds) + 100
        load = OpenLoop(
            port, people.take(count), plan.seconds, step * base, patience_seconds=_PATIENCE_SECONDS
        )
        result = await lay_on(load, plan.client_core)
        say(f"  {step * base:,.0f}/s offered: {result.answers}, {result.lost} lost")
        if not _is_reached(result, step * base):
            break
        offered = step * base
        goodputs.append(result.per_second(str(ACCEPTED)))
    return offered, goodputs


def _is_reached(result: Result, per_second: float) -> bool:
    is_all_sent = result.answers[SENT] >= _SENT_PART * per_second * result.seconds
    return is_all_sent and result.latency[SENT].p99_ms <= _LATE_MS
