"""Measures what each step costs: one kind at a time, at the whole service, by the processors' own books.

Seconds on a processor and not on the clock: what others do on the machine moves them little.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from msgspec import Struct

from loadtests.chaos.service import Stack, service
from loadtests.people import address, form, phone
from loadtests.sizing.costs import Costs, Step
from loadtests.surge.processors import processor_seconds
from loadtests.surge.profiles import Process

PROGRAMME = "42500"
_PAGE = f"/v1/programmes/{PROGRAMME}"

# Enough for what comes at once to be decided and written at once, as in a rush.
_AT_ONCE = 32
_MOST_TRIES = 20
_QUIET_SECONDS, _POLL_SECONDS = 5.0, 0.2
# Jobs that are gone from the queues may still be ending.
_SETTLE_SECONDS = 1.0
_MOST_SETTLE_SECONDS = 120.0

# The service's own names of its parts.
_PROCESSES = {Process.GATEWAY: "gateway", Process.REDIS: "valkey", Process.WORKER: "worker"}

_Act = Callable[["_Client", "_Person"], Awaitable[None]]


class MeasureError(Exception):
    """An answer that should not be, or jobs that do not end."""


class _Person(Struct):
    n: int
    url: str = ""
    receipt: str = ""
    ticket: str = ""

    @property
    def headers(self) -> dict[str, str]:
        headers = {"X-Forwarded-For": address(self.n), "Idempotency-Key": f"{self.n:032x}"}
        if self.receipt:
            headers["Authorization"] = f"Bearer {self.receipt}"
        if self.ticket:
            headers["Waiting-Ticket"] = self.ticket
        return headers


class _Client:
    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self._stack, self._session = stack, session

    async def ask(
        self, method: str, path: str, person: _Person, body: object = None, status: int = HTTPStatus.OK
    ) -> Any:
        """Return what is said with this status, again and again while it is too busy. Raises MeasureError."""
        for _ in range(_MOST_TRIES):
            async with self._session.request(
                method, f"{self._stack.url}{path}", json=body, headers=person.headers
            ) as response:
                told = await response.json()
            if response.status == status:
                return told
            if response.status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(_POLL_SECONDS)
        raise MeasureError(f"{method} {_PAGE}: {response.status} and not {status}")

    async def code_for(self, number: str) -> str:
        url = f"{self._stack.standins_url}/sms/inbox?phone={quote(number)}"
        async with self._session.get(url) as response:
            return str(re.findall("[0-9]{6}", (await response.json())[-1]["text"])[0])


async def measure(folder: Path, people: int, measured_on: str) -> Costs:
    """Lead so many people through, step by step. Raises MeasureError and ServiceError."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with service(folder) as stack, aiohttp.ClientSession(timeout=timeout) as session:
        meter = _Meter(stack, _Client(stack, session))
        await meter.rest()
        inside, outside = [[_Person(first + n) for n in range(people)] for first in (0, people)]
        # Once before it counts: whatever is made at first use is made now.
        for steps in (None, meter.steps):
            some = inside[: people // 10] if steps is None else inside[people // 10 :]
            for step, act in _WAY:
                await meter.count(step, act, some, steps)
        await stack.set_limit(0)
        for step, act in ((Step.FULL, _find_it_full), (Step.POLL, _poll)):
            await meter.count(step, act, outside, meter.steps)
    return Costs(steps=meter.steps, idle=meter.idle, measured_on=measured_on)


class _Meter:
    def __init__(self, stack: Stack, client: _Client) -> None:
        self._stack, self._client = stack, client
        self.idle: dict[Process, float] = dict.fromkeys(Process, 0.0)
        self.steps: dict[Step, dict[Process, float]] = {}

    async def rest(self) -> None:
        """Measure what is done while nobody comes."""
        before = self._seen()
        await asyncio.sleep(_QUIET_SECONDS)
        after = self._seen()
        self.idle = {part: round((after[part] - before[part]) / _QUIET_SECONDS * 1e6) for part in Process}

    async def count(
        self, step: Step, act: _Act, people: list[_Person], into: dict[Step, dict[Process, float]] | None
    ) -> None:
        before, began = self._seen(), time.monotonic()
        await self._all(act, people)
        await self._until_done()
        after, seconds = self._seen(), time.monotonic() - began
        if into is not None:
            into[step] = {
                part: round(
                    max((after[part] - before[part]) * 1e6 - seconds * self.idle[part], 0.0) / len(people), 1
                )
                for part in Process
            }

    async def _all(self, act: _Act, people: Iterable[_Person]) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(person: _Person) -> None:
            async with gate:
                await act(self._client, person)

        async with asyncio.TaskGroup() as group:
            for person in people:
                group.create_task(one(person))

    async def _until_done(self) -> None:
        """Wait until no worker has anything to do any more. Raises MeasureError."""
        deadline = time.monotonic() + _MOST_SETTLE_SECONDS
        async with self._stack.redis() as redis:
            while await redis.zcard(f"{{{PROGRAMME}}}:cases") + await redis.zcard(f"{{{PROGRAMME}}}:sms"):
                if time.monotonic() > deadline:
                    raise MeasureError("the workers do not come to an end")
                await asyncio.sleep(_POLL_SECONDS)
        await asyncio.sleep(_SETTLE_SECONDS)

    def _seen(self) -> dict[Process, float]:
        return {part: processor_seconds(self._stack.pids(name)) for part, name in _PROCESSES.items()}


async def _read(client: _Client, person: _Person) -> None:
    await client.ask("GET", _PAGE, person)


async def _precheck(client: _Client, person: _Person) -> None:
    await client.ask("POST", f"{_PAGE}/precheck", person, form(person.n))


async def _submit(client: _Client, person: _Person) -> None:
    told = await client.ask("POST", f"{_PAGE}/applications", person, form(person.n), HTTPStatus.ACCEPTED)
    person.url, person.receipt = f"/v1/applications/{told['id']}", told["receipt"]


async def _give_phone(client: _Client, person: _Person) -> None:
    body = {"phone": phone(person.n)}
    await client.ask("POST", f"{person.url}/phone", person, body, HTTPStatus.ACCEPTED)


async def _confirm(client: _Client, person: _Person) -> None:
    code = await client.code_for(phone(person.n))
    await client.ask("POST", f"{person.url}/confirmation", person, {"code": code})


async def _look(client: _Client, person: _Person) -> None:
    await client.ask("GET", person.url, person)


async def _find_it_full(client: _Client, person: _Person) -> None:
    told = await client.ask(
        "POST", f"{_PAGE}/applications", person, form(person.n), HTTPStatus.SERVICE_UNAVAILABLE
    )
    person.ticket = told["ticket"]


async def _poll(client: _Client, person: _Person) -> None:
    await client.ask("GET", "/v1/waiting-room", person)


_WAY: tuple[tuple[Step, _Act], ...] = (
    (Step.READ, _read),
    (Step.PRECHECK, _precheck),
    (Step.SUBMIT, _submit),
    (Step.PHONE, _give_phone),
    (Step.CONFIRM, _confirm),
    (Step.LOOK, _look),
)
