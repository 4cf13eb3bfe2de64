"""A case that cannot be decided now: its slot goes to others, and it comes back by itself."""

import msgspec
import structlog

from gateway.domain.case import State
from gateway.inflight.progress import TakenCase, give_back
from gateway.register.entries import CONTESTED, DEAD_LETTER
from gateway.sealing import SealError
from workers.steps.ending import leave, step_to, steps_since_accepted, write_down
from workers.steps.metrics import parked
from workers.steps.register import entry_of
from workers.steps.retrying import TryAgain
from workers.tools import Tools, now_ms, open_application

log = structlog.get_logger()

# Stands for the category of a record that does not open.
UNREADABLE = "unreadable"


async def park(tools: Tools, application_id: str, case: TakenCase, reason: str) -> TakenCase:
    """Park a case to be tried again by itself after the programme's pause.

    Raises TryAgain when too many are parked: then it keeps its slot, so that the door closes by itself while
    the state stands still.
    """
    terms = tools.programme.terms
    pause_seconds = terms.unknown_retry_seconds
    if await tools.journal.count_parked(tools.programme.code) >= terms.parked_limit:
        await give_back(tools.store, tools.programme.code, application_id, case.fence)
        raise TryAgain(pause_seconds)
    return await _park(tools, application_id, case, reason, now_ms() + pause_seconds * 1000)


async def contest(tools: Tools, application_id: str, case: TakenCase) -> TakenCase:
    """Park a case for an official: its phone is another's. Whoever has the person's own may go ahead."""
    log.warning("contested")
    return await _park(tools, application_id, case, CONTESTED, None)


async def dead_letter(tools: Tools, application_id: str, case: TakenCase) -> None:
    """Park a case for an operator: trying again by itself would not help."""
    log.error("dead_letter")
    await _park(tools, application_id, case, DEAD_LETTER, None)


async def _park(
    tools: Tools, application_id: str, case: TakenCase, reason: str, retry_at_ms: int | None
) -> TakenCase:
    await _ensure_registered(tools, application_id, case)
    await write_down(tools, application_id, case, steps_since_accepted(case.history))
    at_ms = step_to(case, State.PARKED).at_ms
    await tools.journal.park(application_id, at_ms, case.fence, reason, retry_at_ms)
    await tools.boundary("recorded_parked")
    left = await leave(tools, application_id, case, State.PARKED)
    parked(tools.programme.code, reason).add()
    return left


async def _ensure_registered(tools: Tools, application_id: str, case: TakenCase) -> None:
    """A case may fail before the step that registers it, and parked cases live in the register."""
    if case.number is None:
        await tools.journal.register(
            entry_of(application_id, case, _category_of(tools, application_id, case))
        )


def _category_of(tools: Tools, application_id: str, case: TakenCase) -> str:
    try:
        return open_application(tools, application_id, case.body).category
    except (SealError, msgspec.DecodeError):
        # It may be why the case ends here; an operator has to look at it all the same.
        return UNREADABLE
