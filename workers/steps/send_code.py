"""The code for a phone: read from the outbox, sent, deleted there."""

from typing import Any

from gateway.inflight.outbox import code_message, code_sent
from workers.steps.messages import CODE_MESSAGES, message_id
from workers.steps.metrics import Message
from workers.steps.send import send
from workers.tools import Tools


async def send_code(ctx: dict[str, Any], application_id: str) -> None:
    tools: Tools = ctx["tools"]
    programme = tools.programme.code
    sealed = await code_message(tools.store, programme, application_id)
    if sealed is None:
        return
    message = CODE_MESSAGES.decode(tools.keyring.unseal(sealed, application_id))
    await send(tools, Message.CODE, message.phone, message.text, message_id(sealed))
    await tools.boundary("code_sent")
    await code_sent(tools.store, programme, application_id, sealed)
