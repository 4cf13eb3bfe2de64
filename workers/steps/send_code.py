"""The code for a phone: read from the outbox, sent, deleted there."""

from typing import Any

from gateway.inflight.carriers import last_carrier
from gateway.inflight.outbox import code_message, code_sent
from workers.steps.messages import CODE_MESSAGES, message_id
from workers.steps.metrics import Message
from workers.steps.send import Letter, send
from workers.tools import Tools


async def send_code(ctx: dict[str, Any], application_id: str) -> None:
    tools: Tools = ctx["tools"]
    programme = tools.programme.code
    sealed = await code_message(tools.store, programme, application_id)
    if sealed is None:
        return
    message = CODE_MESSAGES.decode(tools.keyring.unseal(sealed, application_id))
    letter = Letter(
        Message.CODE,
        message.phone,
        message.text,
        message_id(sealed),
        is_repeat=ctx["job_try"] > 1,
        carried_by=await last_carrier(tools.store, programme, application_id),
    )
    carrier = await send(tools, letter)
    await tools.boundary("code_sent")
    await code_sent(tools.store, programme, application_id, sealed, carrier)
