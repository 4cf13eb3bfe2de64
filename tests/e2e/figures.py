"""`make figures`: what the service needs and how long it takes on an idle machine. It asserts nothing.

One client, one call after the other: latencies without a queue. Medians; the machine and its noise are yours.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from tests.e2e.applicants import Accepted, Applicant, Crowd, open_session
from tests.e2e.stack import Stack, running

STARTS, SUBMISSIONS, JOURNEYS = 3, 300, 50
MEGABYTE = 1_000_000


def say(name: str, value: float, unit: str, target: str) -> None:
    sys.stdout.write(f"{name:<52}{value:>10.1f} {unit:<4}{target}\n")


async def submit_one_after_the_other(session: aiohttp.ClientSession, stack: Stack) -> list[float]:
    url = f"{stack.gateway}/v1/programmes/42500/applications"
    taken_ms = []
    for n in range(SUBMISSIONS):
        began = time.perf_counter()
        one = Applicant(10_000 + n)
        headers = {"X-Forwarded-For": one.address}
        async with session.post(url, json=one.form, headers=headers) as response:
            await response.read()
        taken_ms.append((time.perf_counter() - began) * 1000)
    return taken_ms


async def follow(crowd: Crowd, one: Accepted) -> float:
    began = time.perf_counter()
    while (await crowd.look(one))["state"] not in {"forwarded", "assigned"}:  # noqa: ASYNC110 - It is elsewhere.
        await asyncio.sleep(0.005)
    return (time.perf_counter() - began) * 1000


async def measure(stack: Stack) -> None:
    await asyncio.sleep(3)
    taken, resident = stack.memory_bytes()
    say("idle stack, memory, what is shared counted once", taken / MEGABYTE, "MB", "≤ 500")
    say("idle stack, resident in each process, added up", resident / MEGABYTE, "MB", "")
    async with open_session() as session:
        taken_ms = await submit_one_after_the_other(session, stack)
        say("submission, median", statistics.median(taken_ms), "ms", "≤ 10")
        say("submission, 99th percentile", statistics.quantiles(taken_ms, n=100)[98], "ms", "")
        crowd = Crowd(session, stack.gateway, stack.standins)
        waits = [await follow(crowd, await crowd.apply(Applicant(20_000 + n))) for n in range(JOURNEYS)]
        say("confirmed to forwarded, median", statistics.median(waits), "ms", "")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        starts = []
        for n in range(STARTS):
            with running(Path(folder) / str(n)) as stack:
                starts.append(stack.start_seconds)
        say("start of the whole service, median", statistics.median(starts), "s", "≤ 5")
        with running(Path(folder) / "measured") as stack:
            asyncio.run(measure(stack))


if __name__ == "__main__":
    main()
