"""The code for a lost receipt: sent only if the number is in the journal and this phone confirmed it."""

from typing import Any

from gateway.inflight.outbox import lost_receipt_message, lost_receipt_sent, spend_code
from workers.steps.messages import LOST_RECEIPT_MESSAGES, message_id
from workers.steps.metrics import Message
from workers.steps.send import Letter, send
from workers.tools import Tools


async def send_receipt_code(ctx: dict[str, Any], request: str) -> None:
    tools: Tools = ctx["tools"]
    programme = tools.programme.code
    sealed = await lost_receipt_message(tools.store, programme, request)
    if sealed is None:
        return
    message = LOST_RECEIPT_MESSAGES.decode(tools.keyring.unseal(sealed, request))
    phone_hash = tools.keyring.phone(message.phone)
    entry = await tools.journal.get_by_number(message.number)
    limit = tools.programme.limits.phone
    if (
        entry is not None
        and entry.phone_hash == phone_hash
        and await spend_code(tools.store, programme, phone_hash, limit)
    ):
        name = message_id(sealed)
        is_repeat = ctx["job_try"] > 1
        await send(tools, Letter(Message.RECEIPT_CODE, message.phone, message.text, name, is_repeat))
    await lost_receipt_sent(tools.store, programme, request)
