"""What a second process of the gateway adds."""

from loadtests.bench.figures import Figure
from loadtests.bench.http_admissions import ACCEPTED, ADMISSIONS, SLOTS
from loadtests.bench.http_measure import People, Side, ratios, say, side_by_side
from loadtests.bench.plan import BenchPlan, usable_cores
from loadtests.bench.servers import gateway, store

TARGET = 1.6


async def measure_second_process(plan: BenchPlan) -> list[Figure]:
    """Judge only where the second process has a core that neither Redis nor the generator is on."""
    others = [core for core in usable_cores() if core not in (plan.server_core, plan.client_core)]
    name = f"{ADMISSIONS}, two processes"
    if not others:
        name += " (the second beside Redis and generator)"
        say("  no core is left for the second process: measured without a target")
    cores = [plan.server_core, others[0] if others else plan.client_core]
    async with (
        store(plan) as redis,
        gateway(plan, redis.url, limit=SLOTS) as one,
        gateway(plan, redis.url, limit=SLOTS, gateways=2, cores=cores) as two,
    ):
        sides = {name: Side(two, ACCEPTED), f"{ADMISSIONS}, one process": Side(one, ACCEPTED)}
        rates = await side_by_side(plan, sides, People())
    return ratios(rates, name, {f"{ADMISSIONS}, one process": TARGET if others else None})
