"""One SMS to a provider, and the news of how that went to the door."""

import random

import structlog
from msgspec import Struct

from gateway.inflight.outbox import note_sms_result
from workers.steps.metrics import Message, Sending, messages
from workers.steps.retrying import TryAgain
from workers.systems.errors import (
    NotAsked,
    System,
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
    WrongReason,
)
from workers.systems.sms import SmsProvider
from workers.tools import Tools

log = structlog.get_logger()

# So many codes still go through a provider whose codes do not come back: they show when it is well again.
PROBING_SHARE = 0.05

# Our own bounds, which say nothing of the provider.
_OUR_BOUNDS = (UnavailableReason.NO_PLACE, UnavailableReason.BUDGET_SPENT)


class Letter(Struct, frozen=True):
    """`carried_by`: who took the code before this one, if the applicant asked for another."""

    message: Message
    phone: str
    text: str
    message_id: str
    is_repeat: bool
    carried_by: str | None = None


async def send(tools: Tools, letter: Letter) -> System | None:
    """Return who took it; None when it is given up, for no provider will ever take it. Raises TryAgain."""
    failures: list[SystemUnavailable | SystemAnsweredWrong] = []
    for provider in _in_order(tools, letter.carried_by):
        failure = await _send_through(tools, provider, letter)
        if failure is None:
            await _settle(tools, letter.message, Sending.SENT)
            return provider.system
        if not _is_refusal(failure):
            failures.append(failure)
            if not _surely_failed(failure):
                break
    if not failures:
        await _settle(tools, letter.message, Sending.REFUSED)
        return None
    if any(failure.reason not in _OUR_BOUNDS for failure in failures):
        await note_sms_result(tools.store, tools.programme.code, accepted=False)
    # With two providers the other one may be back before the time that this one named.
    away = failures[0] if len(tools.sms) == 1 else None
    raise TryAgain(away.retry_after_seconds if isinstance(away, SystemUnavailable) else None)


async def _send_through(
    tools: Tools, provider: SmsProvider, letter: Letter
) -> SystemUnavailable | SystemAnsweredWrong | None:
    try:
        async with tools.gates[provider.system].passing(is_repeat=letter.is_repeat):
            await provider.send(letter.phone, letter.text, letter.message_id)
    except NotAsked as not_asked:
        return not_asked
    except SystemUnavailable as away:
        log.warning("system_away", system=away.system, reason=away.reason)
        return away
    except SystemAnsweredWrong as wrong:
        log.error("answered_wrong", system=wrong.system, reason=wrong.reason, code=wrong.code)
        return wrong
    return None


def _is_refusal(failure: SystemUnavailable | SystemAnsweredWrong) -> bool:
    return failure.reason is WrongReason.MESSAGE_REFUSED


def _surely_failed(failure: SystemUnavailable | SystemAnsweredWrong) -> bool:
    """Or took too long, which a person who waits for a code calls the same.

    Otherwise the message may be on its way, and the same provider can tell a repeat from a second one.
    """
    return isinstance(failure, SystemUnavailable) and failure.reason is not UnavailableReason.CONNECTION


def _in_order(tools: Tools, carried_by: str | None) -> list[SmsProvider]:
    """The first provider first, unless its codes do not come back, or one of them just did not."""
    first, *others = tools.sms
    if not others:
        return [first]
    silent = tools.gates.silent
    is_others_turn = carried_by == first.system and others[0].system not in silent
    # Chance is no secret.
    is_passed_over = first.system in silent and random.random() >= PROBING_SHARE  # noqa: S311
    return [*others, first] if is_others_turn or is_passed_over else [first, *others]


async def _settle(tools: Tools, message: Message, sending: Sending) -> None:
    messages(tools.programme.code, message, sending).add()
    await note_sms_result(tools.store, tools.programme.code, accepted=True)
