"""Verification said no: the applicant is told, and may apply again after curing the reason."""

from gateway.domain.case import State
from gateway.inflight.progress import TakenCase, decided
from workers.steps.ending import leave, step_to, steps_since_accepted, write_down
from workers.tools import Tools


async def refuse(tools: Tools, application_id: str, case: TakenCase) -> TakenCase:
    steps = [*steps_since_accepted(case.history), step_to(case, State.REFUSED)]
    await write_down(tools, application_id, case, steps)
    await tools.boundary("recorded_refused")
    ended = await leave(tools, application_id, case, State.REFUSED)
    await decided(tools.store, tools.programme.code, application_id, case.person, denied=True)
    return ended
