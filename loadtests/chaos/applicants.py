"""People who go all the way to an accepted application, whatever happens to the service meanwhile.

Each keeps what it was told: whatever the service acknowledged must be there in the end, once.
"""

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from msgspec import Struct, field

from gateway.domain.case import DECIDED
from loadtests.chaos.service import Stack
from loadtests.people import address, form, phone

PROGRAMME = "42500"

# Longer than the worst outage of a row; past it the person has given up.
PATIENCE_SECONDS = 240.0
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_PAUSE_SECONDS = 0.2

# Answers after which the same call is sent again: the service is away, or was, in the middle of it.
_COME_BACK = frozenset({500, 502, 503, 504})


# Of an application that its own receipt does not find.
_UNKNOWN = "unknown to the service"

_Act = Callable[["Person", "Case"], Awaitable[None]]


class Case(Struct):
    """One person's application as the person knows it. `accepted_at`: time.monotonic() of the answer.

    `wrong`: an answer that no healthy service gives to this person, after which the person gave up.
    """

    n: int
    key: str
    id: str = ""
    receipt: str = ""
    admitted_at: float | None = None
    accepted_at: float | None = None
    other_ids: set[str] = field(default_factory=set)
    wrong: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.receipt}", "X-Forwarded-For": address(self.n)}


class Ledger(Struct):
    """What everybody was told. `answers` counts (status, code); status 0 is an answer that never came."""

    cases: list[Case] = field(default_factory=list)
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)

    @property
    def admitted(self) -> list[Case]:
        """Those who have a receipt: a 202 was given for them."""
        return [case for case in self.cases if case.id]

    @property
    def accepted(self) -> list[Case]:
        """Those whose code was confirmed: a 200 was given for them."""
        return [case for case in self.cases if case.accepted_at is not None]

    @property
    def acknowledged(self) -> int:
        return len(self.accepted)

    @property
    def unanswered(self) -> int:
        """Calls that ended without an answer, or with a 5xx that is no refusal; they were sent again."""
        return sum(
            times
            for (status, code), times in self.answers.items()
            if status == 0 or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and code != "full")
        )


class _WrongAnswer(Exception):
    def __init__(self, status: int, given: dict[str, Any]) -> None:
        super().__init__(f"answered {status} {given.get('code', '')}")


class Losses(Struct, frozen=True):
    """`says`: what is wrong with the first few of them; empty when nothing is."""

    lost: int
    doubled: int
    says: str = ""


class Person:
    """Told to come back, it comes back with the same key, receipt and code."""

    def __init__(self, session: aiohttp.ClientSession, urls: tuple[str, str], ledger: Ledger) -> None:
        self._session, self._ledger = session, ledger
        self._url, self._standins_url = urls

    async def apply(self, case: Case) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.enter(case)
                await self._give_phone(case)
                await self._confirm(case)
        except TimeoutError:
            case.wrong = "gave up waiting"
        except _WrongAnswer as answer:
            case.wrong = str(answer)

    async def enter(self, case: Case) -> None:
        """Send the form, and again with the ticket once it is called; the same key each time."""
        url = f"{self._url}/v1/programmes/{PROGRAMME}/applications"
        headers = {"Idempotency-Key": case.key, "X-Forwarded-For": address(case.n)}
        while True:
            status, given = await self._insist(url, form(case.n), headers)
            if status == HTTPStatus.ACCEPTED:
                break
            if given.get("code") not in {"full", "ticket_not_called", "rate_limited"}:
                raise _WrongAnswer(status, given)
            if "ticket" in given:
                headers["Waiting-Ticket"] = given["ticket"]
            await self._wait_in_line(headers.get("Waiting-Ticket", ""))
        if case.id and given["id"] != case.id:
            case.other_ids.add(given["id"])
            return
        case.id, case.receipt = given["id"], given["receipt"]
        case.admitted_at = case.admitted_at or time.monotonic()

    async def look(self, case: Case) -> tuple[int, Any]:
        return await self._once("GET", f"{self._url}/v1/applications/{case.id}", None, case.headers)

    async def _give_phone(self, case: Case) -> None:
        url = f"{self._url}/v1/applications/{case.id}/phone"
        status, given = await self._insist(url, {"phone": phone(case.n)}, case.headers)
        # A call whose answer was lost has sent its code; sent again it is told to wait for it.
        if status != HTTPStatus.ACCEPTED and given.get("code") != "rate_limited":
            raise _WrongAnswer(status, given)

    async def _confirm(self, case: Case) -> None:
        url = f"{self._url}/v1/applications/{case.id}/confirmation"
        while True:
            status, given = await self._insist(url, {"code": await self._code(case)}, case.headers)
            if status == HTTPStatus.OK:
                case.accepted_at = time.monotonic()
                return
            # An older message may have arrived before the newest; some answers name a time to come back.
            if given.get("code") not in {"code_wrong", "full"} and not given.get("come_back"):
                raise _WrongAnswer(status, given)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _code(self, case: Case) -> str:
        url = f"{self._standins_url}/sms/inbox?phone=%2B{phone(case.n)[1:]}"
        while True:
            status, messages = await self._once("GET", url, None, {})
            if status == HTTPStatus.OK and messages:
                return str(re.findall("[0-9]{6}", messages[-1]["text"])[0])
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _wait_in_line(self, ticket: str) -> None:
        """Without a ticket, wait a moment. Politer people wait as long as they are told."""
        await asyncio.sleep(_PAUSE_SECONDS)
        while ticket:
            headers = {"Waiting-Ticket": ticket}
            status, given = await self._once("GET", f"{self._url}/v1/waiting-room", None, headers)
            if status == HTTPStatus.OK and given["state"] != "waiting":
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _insist(self, url: str, body: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Any]:
        while True:
            status, given = await self._once("POST", url, body, headers)
            if status and (status not in _COME_BACK or given.get("code") == "full"):
                return status, given
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _once(
        self, method: str, url: str, body: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Return (0, {}) when no whole answer came."""
        try:
            async with self._session.request(method, url, json=body, headers=headers) as response:
                given = await response.json(content_type=None)
                status = response.status
                if "Retry-After" in response.headers and isinstance(given, dict):
                    given["come_back"] = True
        except (aiohttp.ClientError, TimeoutError, ValueError):
            status, given = 0, {}
        if url.startswith(self._url):
            self._ledger.answers[status, given.get("code", "")] += 1
        return status, given


async def apply_many(
    base_url: str,
    standins_url: str,
    count: int,
    at_once: int,
    *,
    first: int = 0,
    ledger: Ledger | None = None,
) -> Ledger:
    """Let people `first` to `first + count` apply, `at_once` of them at a time.

    Give a ledger of your own to look into it while they are at it.
    """
    ledger = Ledger() if ledger is None else ledger
    cases = [Case(n, secrets.token_hex(16)) for n in range(first, first + count)]
    ledger.cases += cases
    await _each((base_url, standins_url), ledger, cases, at_once, Person.apply)
    return ledger


async def ask_again(stack: Stack, ledger: Ledger) -> int:
    """Send every form again with the same key; return how many were answered with another id.

    Keys live an hour after the case, so this is for the end of a row.
    """
    await _each((stack.url, stack.standins_url), ledger, ledger.admitted, 20, Person.enter)
    return sum(bool(case.other_ids) for case in ledger.cases)


async def check_books(stack: Stack, ledger: Ledger, patience_seconds: float = 180.0) -> Losses:
    """Wait until every accepted application is decided, then compare with the books of E-Maket.

    Lost: admitted and no longer known, or given up with an answer that no healthy service gives; accepted
    and not decided in time, or not in E-Maket. Doubled: took effect more than once, has two ids, or is in
    E-Maket under an id or a number that nobody was told.
    """
    waiting = {case.id: case for case in ledger.accepted}
    deadline = time.monotonic() + patience_seconds
    wrong = [f"{case.id or case.n}: {case.wrong}" for case in ledger.cases if case.wrong]
    while waiting and time.monotonic() < deadline:
        seen = await _states(stack, ledger, waiting.values())
        wrong += [f"{one}: {state}" for one, state in seen.items() if state == _UNKNOWN]
        waiting = {one: waiting[one] for one, state in seen.items() if state not in {*DECIDED, _UNKNOWN}}
        await asyncio.sleep(_PAUSE_SECONDS if waiting else 0)
    wrong += [f"{one}: not decided" for one in waiting]
    effects = await effects_in_e_maket(stack)
    wrong += [f"{case.id}: not in E-Maket" for case in ledger.accepted if case.id not in effects]
    told = {case.id for case in ledger.admitted}
    doubled = [one for one, times in effects.items() if times > 1 or one not in told]
    doubled += [case.id for case in ledger.cases if case.other_ids]
    says = "; ".join([*wrong[:3], *(f"{one}: twice" for one in doubled[:3])])
    return Losses(len({line.partition(":")[0] for line in wrong}), len(set(doubled)), says)


async def effects_in_e_maket(stack: Stack) -> dict[str, int]:
    """How often each application took effect there, by id."""
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        session.get(f"{stack.standins_url}/e-maket/applications") as response,
    ):
        return {one["application_id"]: one["effects"] for one in await response.json()}


async def _states(stack: Stack, ledger: Ledger, cases: Iterable[Case]) -> dict[str, str]:
    """Return what each applicant sees; an answer that did not come leaves the state open."""
    found: dict[str, str] = {}

    async def look(person: Person, case: Case) -> None:
        status, given = await person.look(case)
        found[case.id] = _UNKNOWN if status == HTTPStatus.NOT_FOUND else given.get("state", "")

    await _each((stack.url, stack.standins_url), ledger, cases, 20, look)
    return found


async def _each(
    urls: tuple[str, str], ledger: Ledger, cases: Iterable[Case], at_once: int, act: _Act
) -> None:
    gate = asyncio.Semaphore(at_once)

    async def one(person: Person, case: Case) -> None:
        async with gate:
            await act(person, case)

    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector) as session:
        person = Person(session, urls, ledger)
        async with asyncio.TaskGroup() as group:
            for case in cases:
                group.create_task(one(person, case))
