"""One SMS to the provider, and the news of how that went to the door."""

import structlog

from gateway.inflight.outbox import note_sms_result
from workers.steps.metrics import Message, Sending, messages
from workers.steps.retrying import TryAgain
from workers.systems.errors import SystemAnsweredWrong, SystemUnavailable, WrongReason
from workers.tools import Tools

log = structlog.get_logger()


async def send(tools: Tools, message: Message, phone: str, text: str, message_id: str) -> None:
    """Send, or give up on a message that the provider will never take; raises TryAgain."""
    programme, sending = tools.programme.code, Sending.SENT
    try:
        await tools.sms.send(phone, text, message_id)
    except SystemUnavailable as away:
        log.warning("system_away", system=away.system, reason=away.reason)
        await note_sms_result(tools.store, programme, accepted=False)
        raise TryAgain(away.retry_after_seconds) from None
    except SystemAnsweredWrong as wrong:
        log.error("answered_wrong", system=wrong.system, reason=wrong.reason, code=wrong.code)
        if wrong.reason is not WrongReason.MESSAGE_REFUSED:
            # Whatever speaks there is no provider now, and would lose everybody's codes.
            await note_sms_result(tools.store, programme, accepted=False)
            raise TryAgain from None
        sending = Sending.REFUSED
    messages(programme, message, sending).add()
    await note_sms_result(tools.store, programme, accepted=True)
