"""An accepted case's way: register, verify, forward. The state in its record says where to go on."""

import asyncio
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.domain.case import State
from gateway.inflight.progress import StaleToken, TakenCase, give_back, take
from gateway.inflight.store import StoreUnavailable
from gateway.register.entries import StaleFence
from gateway.tracing import TRACES
from workers.steps.forward import forward
from workers.steps.metrics import mistakes
from workers.steps.park import dead_letter, park
from workers.steps.register import register
from workers.steps.retrying import TryAgain, pause_seconds, where
from workers.steps.verify import verify
from workers.systems.errors import StaleToken as StaleAtSystem
from workers.systems.errors import SystemAnsweredWrong, SystemUnavailable
from workers.tools import Tools

log = structlog.get_logger()

# A case that was taken so often without getting any further fails by itself or kills its workers.
MOST_TAKES = 10

# Shorter than arq's own limit, which would drop the job; longer than three systems and the journal may take.
JOB_DEADLINE_SECONDS = 18

STEPS = {State.ACCEPTED: register, State.VERIFYING: verify, State.FORWARDING: forward}


async def process_case(ctx: dict[str, Any], application_id: str) -> None:
    tools: Tools = ctx["tools"]
    case = await take(tools.store, tools.programme.code, application_id)
    if case is None:
        return
    await tools.boundary("taken")
    way = _Way(tools, application_id, case, ctx["job_try"])
    with TRACES.span("case", case.trace, application_id=application_id, programme=tools.programme.code):
        try:
            await way.walk()
        except TryAgain:
            raise
        except Exception as error:  # noqa: BLE001 - Each kind has its own end below; none disappears.
            await way.settle(error)


class _Way:
    """One worker's hold on one case; `case` is the case as of the last step that succeeded."""

    def __init__(self, tools: Tools, application_id: str, case: TakenCase, tries: int) -> None:
        self._tools, self._id, self._case, self._tries = tools, application_id, case, tries

    async def walk(self) -> None:
        """Run step after step until one ends the case."""
        if self._case.takes > MOST_TAKES:
            await dead_letter(self._tools, self._id, self._case)
            return
        async with asyncio.timeout(JOB_DEADLINE_SECONDS):
            while self._case.state in STEPS:
                step = STEPS[self._case.state]
                with TRACES.span(step.__name__):
                    self._case = await step(self._tools, self._id, self._case)
                    TRACES.tell(state=self._case.state)

    async def settle(self, error: Exception) -> None:
        """Say what becomes of a case whose step failed: left alone, tried again, or parked."""
        match error:
            case StaleToken() | StaleFence() | StaleAtSystem():
                log.info("case_left_to_a_later_worker")
            case SystemUnavailable():
                await self._wait_or_park(error)
            case SQLAlchemyError() | StoreUnavailable() | OSError():
                # Our own stores are away: that says nothing against the case.
                log.warning("store_away", error=type(error).__name__)
                await self._try_again(pause_seconds(self._tries))
            case SystemAnsweredWrong():
                # It may be a page of maintenance, met by every case, and over in a minute.
                log.error("answered_wrong", system=error.system, reason=error.reason, code=error.code)
                await self._try_again_or_give_up()
            case _:
                mistakes().add()
                log.error("case_failed", error=type(error).__name__, where=where(error))
                await self._try_again_or_give_up()

    async def _wait_or_park(self, away: SystemUnavailable) -> None:
        """Wait for a system that is away, but not with a slot for ever."""
        log.warning("system_away", system=away.system, reason=away.reason)
        waited_ms = max(self._case.taken_at_ms - self._case.history[-1].at_ms, 0)
        if waited_ms >= self._tools.programme.terms.park_after_seconds * 1000:
            await park(self._tools, self._id, self._case, f"{away.system}_away")
        else:
            await self._try_again(away.retry_after_seconds)

    async def _try_again_or_give_up(self) -> None:
        """Count the failure against the case: the last one makes a dead letter."""
        if self._case.takes < MOST_TAKES:
            raise TryAgain(pause_seconds(self._case.takes))
        await dead_letter(self._tools, self._id, self._case)

    async def _try_again(self, after_seconds: float | None) -> None:
        await give_back(self._tools.store, self._tools.programme.code, self._id, self._case.fence)
        raise TryAgain(after_seconds)
