"""All slots filled from empty by one process: how long the door of the first morning takes."""

from loadtests.bench.figures import Figure, median_figure
from loadtests.bench.generator import lay_on
from loadtests.bench.http_admissions import ACCEPTED
from loadtests.bench.http_measure import NotAsExpected, People, say
from loadtests.bench.loads import ClosedLoop
from loadtests.bench.plan import BenchPlan
from loadtests.bench.servers import gateway, store

SLOTS = 25_000
_NO_LONGER_THAN_SECONDS = 60.0


async def measure_filling(plan: BenchPlan) -> list[Figure]:
    taken = []
    for _ in range(plan.repetitions):
        async with store(plan) as redis, gateway(plan, redis.url, limit=SLOTS) as port:
            load = ClosedLoop(port, People().take(SLOTS), _NO_LONGER_THAN_SECONDS, 0)
            result = await lay_on(load, plan.client_core)
        if result.answers != {str(ACCEPTED): SLOTS}:
            raise NotAsExpected(f"{SLOTS} people at {SLOTS} slots: {result.answers}")
        taken.append(result.seconds)
        say(f"  filled in {result.seconds:.2f} s")
    name = "filling 25 000 slots from empty, one process"
    return [median_figure(name, taken, "s", target=6.0, at_most=True)]
