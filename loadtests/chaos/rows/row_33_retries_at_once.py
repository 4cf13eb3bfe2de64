"""Row 33: Redis hangs, and everybody whose form was refused sends it three times more at once."""

import asyncio
import os
import signal
import time
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from statistics import mean

import aiohttp
from msgspec import Struct, field

from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import Stack, service
from loadtests.people import address, form

_PEOPLE, _ARRIVE_SECONDS = 1_000, 4.0
_HANG_AFTER_SECONDS, _HANG_SECONDS = 0.5, 4.0
_AT_ONCE_AGAIN = 3
_MOST_ATTEMPTS = 12.0
# With fewer different times everybody would come back at the same moment.
_LEAST_TIMES = 4
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class Seen(Struct):
    attempts: int = 0
    ids: list[str] = field(default_factory=list)
    told: Counter[int] = field(default_factory=Counter)
    untold: int = 0
    last_at: float = 0.0


async def run(folder: Path) -> Measured:
    seen = Seen()
    async with service(folder) as stack, aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        began = time.monotonic()
        async with meanwhile(_hang(stack)) as hanging:
            async with asyncio.TaskGroup() as group:
                for n in range(_PEOPLE):
                    group.create_task(_insist(stack, session, n, seen))
            await hanging
        took = seen.last_at - began - _HANG_AFTER_SECONDS - _HANG_SECONDS
    attempts = seen.attempts / len(seen.ids) if seen.ids else 0.0
    doubled = len(seen.ids) - len(set(seen.ids))
    refused = sum(seen.told.values())
    held = (
        len(seen.ids) == _PEOPLE
        and not doubled
        and not seen.untold
        and attempts <= _MOST_ATTEMPTS
        and refused > _PEOPLE // 2
        and len(seen.told) >= _LEAST_TIMES
    )
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{_HANG_SECONDS:.0f} s without Redis, {refused} times 503: {attempts:.1f} attempts for each "
        f"who got in; Retry-After had {len(seen.told)} different values, {mean(seen.told.elements()):.1f} s "
        f"in the mean, {seen.untold} refusals had none; the last was in {took:.1f} s after Redis was back.",
        acknowledged=len(seen.ids),
        lost=_PEOPLE - len(seen.ids),
        doubled=doubled,
        seconds=took,
    )


async def _insist(stack: Stack, session: aiohttp.ClientSession, n: int, seen: Seen) -> None:
    """Send a form; refused, three times more at once, then when told to, and so on."""
    await asyncio.sleep(n * _ARRIVE_SECONDS / _PEOPLE)
    url = f"{stack.url}/v1/programmes/42500/applications"
    headers = {"X-Forwarded-For": address(n), "Idempotency-Key": f"retries-{n}"}
    while True:
        for _ in range(1 + _AT_ONCE_AGAIN):
            seen.attempts += 1
            async with session.post(url, json=form(n), headers=headers) as response:
                said = await response.json(content_type=None)
                if response.status == HTTPStatus.ACCEPTED:
                    seen.ids.append(said["id"])
                    seen.last_at = time.monotonic()
                    return
                told = int(response.headers.get("Retry-After", "0"))
                seen.told[told] += 1
                seen.untold += not told
        await asyncio.sleep(told)


async def _hang(stack: Stack) -> None:
    await asyncio.sleep(_HANG_AFTER_SECONDS)
    (pid, *_) = stack.pids("valkey")
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(_HANG_SECONDS)
    finally:
        os.kill(pid, signal.SIGCONT)


ROW = Row(
    number=33,
    title="Redis hangs, and everybody retries three times at once",
    expected="everybody gets in, once; Retry-After spreads those who come back",
    broken_once="",
    run=run,
)
