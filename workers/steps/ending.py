"""The end of a case's stay: first the journal, then Redis, so that no crash between them loses it."""

import msgspec

from gateway.domain.case import State
from gateway.inflight.progress import TakenCase, finish
from gateway.inflight.records import Step as Seen
from gateway.register.entries import Step, WrongTransition
from workers.steps.metrics import case_seconds, finished
from workers.tools import Tools, is_in_doubt, now_ms


def steps_since_accepted(history: tuple[Seen, ...]) -> list[Step]:
    """What happened since the case was last accepted: what went before is in the journal already."""
    last = max(at for at, step in enumerate(history) if step.state is State.ACCEPTED)
    return [Step(step.state, step.at_ms) for step in history[last + 1 :]]


def step_to(case: TakenCase, state: State) -> Step:
    """A step taken now, and never before the last one: that has Redis's time, and this has ours."""
    return Step(state, max(now_ms(), case.history[-1].at_ms))


async def write_down(tools: Tools, application_id: str, case: TakenCase, steps: list[Step]) -> State:
    """Bring the journal up to the case; return where the journal has it then.

    The journal may say that the case is parked when it is not: whoever parked it, or let it in again, was
    killed between the two stores. The record in Redis is the truth.
    """
    try:
        return await tools.journal.record(application_id, steps, case.fence)
    except WrongTransition as wrong:
        if wrong.current is not State.PARKED:
            raise
        await tools.journal.unpark(application_id, now_ms(), case.fence)
        return await tools.journal.record(application_id, steps, case.fence)


async def leave(tools: Tools, application_id: str, case: TakenCase, state: State) -> TakenCase:
    """Free the slot and leave a short memory of the case in Redis."""
    history = await finish(
        tools.store,
        tools.programme.code,
        application_id,
        case.fence,
        state,
        tools.kept_ms,
        # A stranger's case must not wait in the place of the person's own.
        in_doubt=state is State.PARKED and is_in_doubt(tools, case),
    )
    finished(tools.programme.code, state).add()
    if state is not State.PARKED:
        case_seconds(tools.programme.code).add((history[-1].at_ms - case.accepted_at_ms) / 1000)
    await tools.boundary(f"finished_{state}")
    return msgspec.structs.replace(case, state=state, history=history)
