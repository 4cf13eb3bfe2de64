"""Into the journal of applications: the case gets its number."""

import msgspec

from gateway.domain.case import State
from gateway.inflight.progress import TakenCase, advance
from gateway.register.entries import NewEntry, Step
from gateway.tracing import TRACES
from workers.tools import Tools, open_application

RECORD_VERSION = 1


async def register(tools: Tools, application_id: str, case: TakenCase) -> TakenCase:
    """Register, and go on to verification, or past it for a category that is not verified [S1]."""
    application = open_application(tools, application_id, case.body)
    TRACES.tell(category=application.category)
    number = await tools.journal.register(entry_of(application_id, case, application.category))
    await tools.boundary("registered")
    category = tools.programme.category(application.category)
    checks = category.checks if category else ()
    state = State.VERIFYING if checks else State.FORWARDING
    history = await advance(
        tools.store, tools.programme.code, application_id, case.fence, (State.ACCEPTED, state), number
    )
    await tools.boundary("advanced_from_accepted")
    return msgspec.structs.replace(case, state=state, number=number, history=history, tried=False)


def entry_of(application_id: str, case: TakenCase, category: str) -> NewEntry:
    return NewEntry(
        application_id=application_id,
        category=category,
        person=case.person,
        phone_hash=case.phone_hash,
        receipt_hash=case.receipt_hash,
        sealed=case.body,
        sealed_phone=case.sealed_phone,
        record_version=RECORD_VERSION,
        accepted_at_ms=case.accepted_at_ms,
        fence=case.fence,
        history=[Step(step.state, step.at_ms) for step in case.history],
    )
