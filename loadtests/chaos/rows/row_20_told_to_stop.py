"""Row 20: workers with a hundred jobs under way and a gateway under load are told to stop."""

import asyncio
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from loadtests.chaos.applicants import Ledger, apply_many, ask_again, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service
from loadtests.chaos.under_way import QUEUE, running_cases, set_fault

_PEOPLE, _AT_ONCE = 1_200, 100

# Jobs when they are told, and how many of them somebody is at.
_WORKERS, _JOBS, _RUNNING = 4, 100, 50

_MOST_SECONDS = 10.0


class _Stopped(msgspec.Struct, frozen=True):
    what: str
    jobs: int
    running: int
    seconds: float


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder, {"QABYLDAU_WORKERS": f"{_WORKERS}"}) as stack:
        async with meanwhile(_stop_each(stack)) as stopping:
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
            stopped = await stopping
        losses = await check_books(stack, ledger)
        other_ids = await ask_again(stack, ledger)
    slowest = max(one.seconds for one in stopped)
    told = "; ".join(
        f"{one.what}: {f'{one.jobs} jobs, {one.running} under way, ' if one.jobs else ''}gone after "
        f"{one.seconds:.1f} s"
        for one in stopped
    )
    return judge(
        ledger,
        msgspec.structs.replace(losses, doubled=losses.doubled + other_ids),
        f"{told}. {ledger.unanswered} calls unanswered and sent again.",
        held=slowest <= _MOST_SECONDS,
        seconds=slowest,
    )


async def _stop_each(stack: Stack) -> list[_Stopped]:
    # What hangs they have to leave to others; three seconds are within their grace, so they finish those.
    await set_fault(stack, "labour-market", hang=True)
    left = await _stop_workers(stack, "workers whose calls hang")
    await set_fault(stack, "labour-market", latency_ms=3_000)
    drained = await _stop_workers(stack, "workers that can finish")
    await set_fault(stack, "labour-market")
    gateway = stack.pids("gateway")
    seconds = await _terminate(gateway[:1], gateway)
    return [left, drained, _Stopped(f"gateway with {_AT_ONCE} people at it", 0, 0, seconds)]


async def _stop_workers(stack: Stack, what: str) -> _Stopped:
    jobs, running = 0, 0

    async def are_enough() -> bool:
        nonlocal jobs, running
        async with stack.redis() as redis:
            jobs, running = await redis.zcard(QUEUE), len(await running_cases(redis))
        return jobs >= _JOBS and running >= _RUNNING

    await until(are_enough, 120)
    workers = stack.pids("worker")
    return _Stopped(what, jobs, running, await _terminate(workers, workers))


async def _terminate(told: Iterable[int], until_gone: Iterable[int]) -> float:
    """Signal these, and return after how many seconds all of those were gone."""
    for pid in told:
        os.kill(pid, signal.SIGTERM)
    began = time.monotonic()
    while any(_is_there(pid) for pid in until_gone):  # noqa: ASYNC110 - Another process tells nobody.
        await asyncio.sleep(0.05)
    return time.monotonic() - began


def _is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


ROW = Row(
    number=20,
    title="SIGTERM with 100 jobs under way, and with 100 people at the gateway",
    expected="drained or left to others within 10 s",
    broken_once="With a grace of 7 s gone after 10.4 s; with the word to leave lost, never.",
    run=run,
)
