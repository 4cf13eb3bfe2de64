"""The Labour Market system verifies the case [S1]: passed, failed, or not known, which refuses nobody."""

import msgspec

from gateway.domain.case import State
from gateway.inflight.progress import TakenCase, advance
from gateway.tracing import TRACES
from workers.steps.metrics import LABOUR_MARKET_UNKNOWN, verifications
from workers.steps.park import park
from workers.steps.refuse import refuse
from workers.systems.labour_market import Outcome
from workers.tools import Tools, open_application


async def verify(tools: Tools, application_id: str, case: TakenCase) -> TakenCase:
    application = open_application(tools, application_id, case.body)
    verdict = await tools.labour_market.verify(
        application_id=application_id,
        iin=application.iin,
        employer=application.employer,
        category=application.category,
    )
    verifications(tools.programme.code, verdict.outcome).add()
    TRACES.tell(verdict=verdict.outcome)
    await tools.boundary("verified")
    if verdict.outcome is Outcome.FAILED:
        return await refuse(tools, application_id, case)
    if verdict.outcome is Outcome.UNKNOWN:
        return await park(tools, application_id, case, LABOUR_MARKET_UNKNOWN)
    arrow = (State.VERIFYING, State.FORWARDING)
    history = await advance(tools.store, tools.programme.code, application_id, case.fence, arrow)
    await tools.boundary("advanced_from_verifying")
    return msgspec.structs.replace(case, state=State.FORWARDING, history=history)
