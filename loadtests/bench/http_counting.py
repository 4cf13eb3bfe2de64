"""What the metrics cost: the same gateway, with its counting and without."""

import msgspec

from loadtests.bench.figures import Figure
from loadtests.bench.http_admissions import ACCEPTED, ADMISSIONS, SLOTS
from loadtests.bench.http_measure import People, Side, ratios, side_by_side
from loadtests.bench.plan import BenchPlan
from loadtests.bench.servers import gateway, store

TARGET = 0.97

# A difference this small needs more pairs than others.
_MORE_REPETITIONS = 3


async def measure_counting(plan: BenchPlan) -> list[Figure]:
    plan = msgspec.structs.replace(plan, repetitions=_MORE_REPETITIONS * plan.repetitions)
    uncounted = f"{ADMISSIONS}, nothing counted"
    async with (
        store(plan) as redis,
        gateway(plan, redis.url, limit=SLOTS) as ours,
        gateway(plan, redis.url, module="loadtests.bench.peers.uncounted", limit=SLOTS) as theirs,
    ):
        sides = {f"{ADMISSIONS}, counted": Side(ours, ACCEPTED), uncounted: Side(theirs, ACCEPTED)}
        rates = await side_by_side(plan, sides, People())
    return ratios(rates, f"{ADMISSIONS}, counted", {uncounted: TARGET})
