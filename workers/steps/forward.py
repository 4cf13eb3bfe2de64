"""To E-Maket, once: the case's id is the idempotency key, and the fencing token keeps late workers out."""

from datetime import UTC, datetime

from gateway.domain.case import DECIDED, State
from gateway.inflight.progress import TakenCase, decided
from workers.steps.ending import leave, step_to, steps_since_accepted, write_down
from workers.systems.e_maket import Forwarding
from workers.systems.errors import System
from workers.tools import Tools, open_application


async def forward(tools: Tools, application_id: str, case: TakenCase) -> TakenCase:
    application = open_application(tools, application_id, case.body)
    if case.number is None:
        raise ValueError("a case is registered before it is forwarded")
    forwarding = Forwarding(
        application_id=application_id,
        number=case.number,
        programme=tools.programme.code,
        category=application.category,
        iin=application.iin,
        employer=application.employer,
        full_name=application.full_name,
        iban=application.iban,
        email=application.email,
        accepted_at=datetime.fromtimestamp(case.accepted_at_ms / 1000, UTC),
    )
    async with tools.gates[System.E_MAKET].passing(is_repeat=case.tried):
        await tools.e_maket.forward(forwarding, case.fence)
    await tools.boundary("forwarded")
    steps = [*steps_since_accepted(case.history), step_to(case, State.FORWARDED)]
    state = await write_down(tools, application_id, case, steps)
    await tools.boundary("recorded_forwarded")
    ended = await leave(tools, application_id, case, State.FORWARDED)
    if state in DECIDED:
        # The decision was here before us, and what follows from it waited for this.
        denied = state is State.DENIED
        await decided(tools.store, tools.programme.code, application_id, case.person, denied=denied)
    return ended
