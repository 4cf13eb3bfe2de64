"""State systems in a row: how they are made to fail, what they were asked, and how long cases took."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from msgspec import Struct

from loadtests.chaos.applicants import PROGRAMME, Case, Ledger, apply_many
from loadtests.chaos.service import Stack

# A pace that two cores bear with everything on them, while they do something else besides.
PEOPLE_PER_SECOND = 12
_GROUP = 4


class Times(Struct, frozen=True):
    """Seconds from one state to another, of so many cases that came to both."""

    count: int
    p50: float
    p99: float
    longest: float

    def __str__(self) -> str:
        return f"p50 {self.p50:.2f} s, p99 {self.p99:.2f} s, longest {self.longest:.1f} s of {self.count}"


async def put_fault(stack: Stack, system: str, **knobs: Any) -> None:
    url = f"{stack.standins_url}/faults/{system}"
    async with aiohttp.ClientSession() as session, session.put(url, json=knobs) as response:
        response.raise_for_status()


async def breaker_of(stack: Stack, system: str) -> str:
    async with stack.redis() as redis:
        # redis-py types one method for sync and async.
        packed = await redis.hget(f"{{{PROGRAMME}}}:breakers", system)  # type: ignore[misc]
    return packed.split()[0] if packed else "unknown"


async def calls_of(stack: Stack, system: str) -> int:
    """Calls that all workers have made to it and that have ended, as the metrics tell."""
    return await counted(stack, "qabyldau_system_calls_total", f'system="{system}"')


async def counted(stack: Stack, name: str, *labels: str) -> int:
    url = f"{stack.operators_url}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        lines = (await response.text()).splitlines()
    found = (line for line in lines if line.startswith(name + "{") and all(one in line for one in labels))
    return round(sum(float(line.rpartition(" ")[2]) for line in found))


async def times_between(stack: Stack, cases: Iterable[Case], since: str, until: str) -> Times:
    """As the records in Redis tell, which stay an hour. Cases that did not come to `until` are left out."""
    seconds = []
    async with stack.redis() as redis:
        for case in cases:
            history = await redis.hget(f"{{{PROGRAMME}}}:case:{case.id}", "history")  # type: ignore[misc]  # As above.
            at_ms = dict(step.split(":") for step in (history or "").split(",") if step)
            if since in at_ms and until in at_ms:
                seconds.append((int(at_ms[until]) - int(at_ms[since])) / 1000)
    if not seconds:
        return Times(0, 0.0, 0.0, 0.0)
    ordered = sorted(seconds)
    return Times(
        len(ordered), statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))], ordered[-1]
    )


@asynccontextmanager
async def people_coming(stack: Stack, ledger: Ledger) -> AsyncIterator[None]:
    """Let people apply at an even pace, however it goes for those before them; all come to their end."""
    is_over = asyncio.Event()

    async def come() -> None:
        async with asyncio.TaskGroup() as groups:
            while not is_over.is_set():
                group = apply_many(
                    stack.url, stack.standins_url, _GROUP, _GROUP, first=len(ledger.cases), ledger=ledger
                )
                groups.create_task(group)
                await asyncio.sleep(_GROUP / PEOPLE_PER_SECOND)

    coming = asyncio.create_task(come())
    try:
        yield
    finally:
        is_over.set()
        await coming
