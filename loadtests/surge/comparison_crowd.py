"""The same people, at the same moments, in front of the naive stack: they send the form until it is taken.

There is no waiting room, so who is told "full" tries again; there is no phone to confirm, so a 202 is all.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from http import HTTPStatus

import aiohttp
import msgspec

from loadtests.surge.casting import Habit, Visit, address, form
from loadtests.surge.ledger import Entry, LedgerWriter, Outcome, Step
from loadtests.surge.plan import Plan

# As at our own door: how long people read and type, and how soon they come back when nobody says when.
_READING_AND_TYPING_SECONDS = 80.0
_UNTOLD_SECONDS = 2.0
_HAMMER_SECONDS = 0.4

# Until people reload the page.
_ANSWER_SECONDS = 15.0

_MICROSECONDS = 1_000_000

_CODES = {HTTPStatus.SERVICE_UNAVAILABLE: "full", HTTPStatus.TOO_MANY_REQUESTS: "rate_limited"}


async def let_come(plan: Plan, visits: Sequence[Visit], began_at: float) -> None:
    """Return when all are gone, or the time of the run is over; what they saw is in the ledger."""
    ends_at = began_at + plan.profile.duration_seconds + plan.profile.drain_seconds
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(_ANSWER_SECONDS)
    with LedgerWriter(plan.ledger / "crowd.jsonl") as ledger:
        async with (
            aiohttp.ClientSession(plan.gateway, connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            for visit in visits:
                await asyncio.sleep(max(began_at + visit.at_seconds - time.time(), 0))
                group.create_task(_Visitor(plan, visit, session, ledger, ends_at).live(began_at))


class _Visitor:
    def __init__(
        self, plan: Plan, visit: Visit, session: aiohttp.ClientSession, ledger: LedgerWriter, ends_at: float
    ) -> None:
        self._plan, self._visit, self._session, self._ledger = plan, visit, session, ledger
        self._ends_at_us = int(ends_at * _MICROSECONDS)
        self._rng = random.Random(plan.seed * 1_000_003 + visit.ordinal)  # noqa: S311 - chance to be repeated.
        self._path = f"/v1/programmes/{plan.programme}/applications"
        self._headers = {"X-Forwarded-For": address(visit, plan.profile.people_per_address)}

    async def live(self, began_at: float) -> None:
        due_us = int((began_at + self._visit.at_seconds) * _MICROSECONDS)
        due_us += self._pause_us(_READING_AND_TYPING_SECONDS * self._plan.profile.pace)
        outcome = Outcome.CUT
        while due_us < self._ends_at_us:
            await asyncio.sleep(max(due_us - _now_us(), 0) / _MICROSECONDS)
            answered_at_us, status = await self._send_form(due_us)
            if status == HTTPStatus.ACCEPTED:
                outcome = Outcome.SERVED
                break
            if status == HTTPStatus.SERVICE_UNAVAILABLE and Habit.LEAVING in self._visit.habits:
                outcome = Outcome.LEFT
                break
            is_impatient = Habit.IMPATIENT in self._visit.habits
            due_us = answered_at_us + self._pause_us(_HAMMER_SECONDS if is_impatient else _UNTOLD_SECONDS)
        now_us = _now_us()
        self._write(Step.END, now_us, now_us, now_us, outcome=outcome)

    async def _send_form(self, due_us: int) -> tuple[int, int]:
        """Return when the answer came, and its status; 0 when there was none."""
        sent_at_us = _now_us()
        try:
            async with self._session.post(
                self._path, json=form(self._visit), headers=self._headers
            ) as response:
                await response.read()
                status, code = response.status, _CODES.get(HTTPStatus(response.status), "")
        except (aiohttp.ClientError, TimeoutError) as error:
            status, code = 0, type(error).__name__
        answered_at_us = _now_us()
        self._write(Step.SUBMIT, due_us, sent_at_us, answered_at_us, status=status, code=code)
        return answered_at_us, status

    def _write(self, step: Step, due_us: int, sent_at_us: int, answered_at_us: int, **more: object) -> None:
        entry = Entry(
            visit=self._visit.ordinal,
            person=self._visit.person,
            is_repeat=self._visit.is_repeat,
            step=step,
            intended_at_us=due_us,
            sent_at_us=sent_at_us,
            answered_at_us=answered_at_us,
        )
        self._ledger.write(msgspec.structs.replace(entry, **more))

    def _pause_us(self, mean_seconds: float) -> int:
        return int(mean_seconds * self._rng.triangular(0.4, 2.2, 0.4) * _MICROSECONDS)


def _now_us() -> int:
    return time.time_ns() // 1000
