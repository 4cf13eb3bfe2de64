"""The decision, told to the applicant by SMS [S0], in the language of the application."""

from typing import Any, Final

from gateway.domain.case import State
from workers.steps.metrics import Message
from workers.steps.send import Letter, send
from workers.tools import Tools, now_ms, open_application

_TEXTS: Final = {
    State.ASSIGNED: "sms.assigned",
    State.DENIED: "sms.denied",
    State.REFUSED: "sms.refused",
}


async def send_notice(ctx: dict[str, Any], application_id: str) -> None:
    tools: Tools = ctx["tools"]
    entry = await tools.journal.get(application_id)
    if entry is None or entry.state not in _TEXTS or entry.notified_at_ms is not None:
        return
    if entry.sealed_phone and entry.sealed:
        phone = tools.keyring.unseal(entry.sealed_phone, application_id).decode()
        language = open_application(tools, application_id, entry.sealed).language
        text = tools.texts.get(language, _TEXTS[entry.state], number=entry.number)
        # The same notice always has the same name, so that a provider can tell a repeat after a crash.
        name = f"{application_id}-{entry.state}"[-40:]
        await send(tools, Letter(Message.NOTICE, phone, text, name, is_repeat=ctx["job_try"] > 1))
        await tools.boundary("notice_sent")
    await tools.journal.mark_notified(application_id, now_ms())
