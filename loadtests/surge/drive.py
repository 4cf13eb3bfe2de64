"""Drives one run: the crowd against the service, faults on time, until it is empty again."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from loadtests.surge import capacity
from loadtests.surge.capacity import Capacity
from loadtests.surge.faults import Injector
from loadtests.surge.generator import Swarming, started_locust
from loadtests.surge.ledger import read_ledger
from loadtests.surge.plan import Plan
from loadtests.surge.profiles import Kill
from loadtests.surge.run import PROCESSORS
from loadtests.surge.service import Service
from loadtests.surge.watch import Watcher

# Once the people have gone: leases lapse, cases are processed, decisions come back.
_SETTLE_SECONDS = 90.0

_POLL_SECONDS = 0.5
_CALL_SECONDS = 5.0

# Where E-Maket's way to a decision ends.
_DELIVERED = frozenset({"delivered", "given_up"})

Say = Callable[[str], None]


class Driven(Struct, frozen=True):
    """Unix epoch microseconds; `emptied_at_us` is None when the service was not seen empty."""

    began_at_us: int
    ended_at_us: int
    emptied_at_us: int | None


async def measure_capacity(plan: Plan, swarming: Swarming) -> Capacity:
    """Raises GeneratorError and NoCapacity."""
    closed = msgspec.structs.replace(plan, profile=capacity.PROFILE, closed=capacity.CLOSED)
    async with started_locust(closed, swarming) as locust:
        await locust.end()
    return capacity.measure(read_ledger(plan.ledger))


async def drive(
    plan: Plan, measured: Capacity, swarming: Swarming, service: Service | None, say: Say
) -> Driven:
    """Leave all books in the folder of the run. Raises GeneratorError."""
    timeout = aiohttp.ClientTimeout(_CALL_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        started_locust(plan, swarming) as locust,
    ):
        if swarming.web_port is not None:
            # The page stays until Ctrl-C; then what has been is judged.
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, locust.interrupt)
        began_at = await locust.begun()
        watcher = Watcher(session, plan, measured, say)
        injector = Injector(session, plan.standins, plan.programme, service)
        faults = injector.inject(plan.profile.faults, began_at, plan.folder / "faults.jsonl")
        async with _beside(watcher.watch(began_at), faults):
            await locust.end()
            await _settle(session, plan, watcher, service)
        if service is not None and not any(isinstance(fault, Kill) for fault in plan.profile.faults):
            used = await asyncio.to_thread(service.processor_seconds)
            (plan.folder / PROCESSORS).write_bytes(msgspec.json.encode(used))
    return Driven(int(began_at * 1_000_000), time.time_ns() // 1000, watcher.emptied_at_us)


@asynccontextmanager
async def _beside(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run these meanwhile; whatever fails in one of them fails here."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


async def _settle(
    session: aiohttp.ClientSession, plan: Plan, watcher: Watcher, service: Service | None
) -> None:
    """Wait until nothing is under way any more, but not for ever, and keep what only the stand-ins know."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        has_leases = service is not None and await asyncio.to_thread(service.has_leases, plan.programme)
        if watcher.emptied_at_us is not None and not has_leases:
            deliveries = await _list(session, f"{plan.standins}/e-maket/deliveries")
            if all(delivery["state"] in _DELIVERED for delivery in deliveries):
                break
        await asyncio.sleep(_POLL_SECONDS)
    for name, path in (("e-maket", "applications"), ("deliveries", "deliveries")):
        listed = await _list(session, f"{plan.standins}/e-maket/{path}")
        (plan.folder / f"{name}.json").write_bytes(msgspec.json.encode(listed))


async def _list(session: aiohttp.ClientSession, url: str) -> list[dict[str, Any]]:
    async with session.get(url) as response:
        listed: list[dict[str, Any]] = await response.json()
        return listed
