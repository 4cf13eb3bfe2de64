"""Whose the confirmed phone is, says the mobile citizens' base; where it is another's, an official says.

It is asked before anything else, since until then the applicant may be anybody who knows an IIN.
"""

import msgspec

from gateway.inflight.progress import TakenCase, prove
from workers.steps.metrics import ownerships
from workers.steps.park import contest
from workers.steps.refuse import refuse
from workers.tools import Tools


async def check_phone(tools: Tools, application_id: str, case: TakenCase, iin: str) -> TakenCase:
    """Return the case with its phone proven, or as it ended here."""
    phone = tools.keyring.unseal(case.sealed_phone, application_id).decode()
    belongs = await tools.mobile_citizens.belongs(application_id=application_id, iin=iin, phone=phone)
    ownerships(tools.programme.code, belongs=belongs).add()
    await tools.boundary("phone_checked")
    if not belongs:
        return await _end(tools, application_id, case)
    await prove(tools.store, tools.programme.code, application_id, case.fence)
    await tools.boundary("proven")
    return msgspec.structs.replace(case, proven=True)


async def _end(tools: Tools, application_id: str, case: TakenCase) -> TakenCase:
    """Contest, or refuse what would only add to what an official has of this person already.

    Otherwise anybody could bury the officials under one person's IIN. The person is kept out by neither.
    """
    phones = await tools.journal.contested_phones(tools.programme.code, case.person, application_id)
    if case.phone_hash in phones or len(phones) >= tools.programme.candidates:
        return await refuse(tools, application_id, case)
    return await contest(tools, application_id, case)
