"""Whose the phone is; then the Labour Market verifies [S1]: passed, failed, or unknown: it refuses nobody."""

import msgspec

from gateway.domain.application import Application
from gateway.domain.case import State
from gateway.domain.programme import Check
from gateway.inflight.progress import TakenCase, advance
from gateway.tracing import TRACES
from workers.steps.metrics import LABOUR_MARKET_UNKNOWN, verifications
from workers.steps.own_phone import check_phone
from workers.steps.park import park
from workers.steps.refuse import refuse
from workers.systems.labour_market import Outcome
from workers.tools import Tools, is_in_doubt, open_application


async def verify(tools: Tools, application_id: str, case: TakenCase) -> TakenCase:
    application = open_application(tools, application_id, case.body)
    if is_in_doubt(tools, case):
        case = await check_phone(tools, application_id, case, application.iin)
    category = tools.programme.category(application.category)
    if case.state is State.VERIFYING and category and Check.LABOUR_MARKET in category.checks:
        case = await _ask_labour_market(tools, application_id, case, application)
    if case.state is not State.VERIFYING:
        return case
    arrow = (State.VERIFYING, State.FORWARDING)
    history = await advance(tools.store, tools.programme.code, application_id, case.fence, arrow)
    await tools.boundary("advanced_from_verifying")
    return msgspec.structs.replace(case, state=State.FORWARDING, history=history)


async def _ask_labour_market(
    tools: Tools, application_id: str, case: TakenCase, application: Application
) -> TakenCase:
    """Return the case as it is when it passed, or as it ended here."""
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
    return case
