"""The end of a case's stay: first the journal, then Redis, so that no crash between them loses it."""

import msgspec

from gateway.domain.case import State
from gateway.inflight.progress import TakenCase, finish
from gateway.inflight.records import Step as Seen
from gateway.register.entries import Step
from workers.tools import Tools


def steps_since_accepted(history: tuple[Seen, ...]) -> list[Step]:
    """What happened since the case was last accepted: what went before is in the journal already."""
    last = max(at for at, step in enumerate(history) if step.state is State.ACCEPTED)
    return [Step(step.state, step.at_ms) for step in history[last + 1 :]]


async def leave(tools: Tools, application_id: str, case: TakenCase, state: State) -> TakenCase:
    """Free the slot and leave a short memory of the case in Redis."""
    history = await finish(
        tools.store, tools.programme.code, application_id, case.fence, state, tools.kept_ms
    )
    await tools.boundary(f"finished_{state}")
    return msgspec.structs.replace(case, state=state, history=history)
