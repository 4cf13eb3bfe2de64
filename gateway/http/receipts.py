"""`POST /v1/receipts`: a lost receipt, had again with the journal number and the phone that confirmed.

Nothing here tells whether a number exists: both steps do and answer the same for a number that nobody has.
"""

from functools import partial
from typing import NamedTuple

import msgspec
from litestar import Response, post
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from gateway.domain.case import parse_journal_number
from gateway.domain.identifiers import IdentifierError, IdentifierFault
from gateway.domain.phones import parse_mobile
from gateway.http.bodies import read_body
from gateway.http.documents import LostReceiptForm, described
from gateway.http.forms import parse_code, read_form
from gateway.http.phone import locked, new_code, sent_a_moment_ago, too_many_codes
from gateway.http.receipt import hash_receipt, new_receipt
from gateway.http.refusals import Limited, ProblemCode, Refusal
from gateway.http.register_calls import ask_register
from gateway.http.request import AnyRequest, language_of, services_of, trace_of
from gateway.http.services import Intake, Services
from gateway.http.wire import CodeSent, NewReceipt
from gateway.inflight.confirmation import ConfirmationRules
from gateway.inflight.limits import limit_text
from gateway.inflight.receipts import (
    AskAnswer,
    Asking,
    AskOutcome,
    RedeemAnswer,
    RedeemOutcome,
    ask_receipt,
    redeem_receipt,
)
from gateway.inflight.status import replace_receipt

_MESSAGES = msgspec.msgpack.Encoder()


class _Lost(NamedTuple):
    """`request` is what Redis knows number and phone by."""

    intake: Intake
    number: str
    phone: str
    request: str


@post(
    "/receipts",
    status_code=HTTP_200_OK,
    **described(
        LostReceiptForm,
        ProblemCode.INVALID_APPLICATION,
        ProblemCode.CODE_WRONG,
        ProblemCode.CODE_EXPIRED,
        ProblemCode.RATE_LIMITED,
        ProblemCode.CODE_LOCKED,
        ProblemCode.STORE_UNAVAILABLE,
        accepted=CodeSent,
    ),
)
async def replace_lost_receipt(request: AnyRequest) -> Response[NewReceipt] | Response[CodeSent]:
    services = services_of(request)
    body = await read_body(request, services.body_limits)
    prefixes = {prefix for intake in services.intakes.values() for prefix in intake.programme.phone.prefixes}
    form = read_form(
        body,
        {
            "number": partial(_parse_number, services),
            "phone": partial(parse_mobile, prefixes=prefixes),
            "code": parse_code,
        },
        optional=frozenset({"code"}),
    )
    number, phone = form["number"], form["phone"]
    lost = _Lost(_intake_of(services, number), number, phone, services.ring.pair(number, phone))
    if "code" not in form:
        return Response(await _ask(request, lost), status_code=HTTP_202_ACCEPTED)
    new = await _redeem(services, lost, form["code"])
    trace_of(request).application_id = new.id
    return Response(new)


def _parse_number(services: Services, text: str) -> str:
    number = parse_journal_number(text)
    if number is None or number.programme not in services.intakes:
        raise IdentifierError(IdentifierFault.WRONG_STRUCTURE)
    return text


def _intake_of(services: Services, number: str) -> Intake:
    return services.intakes[number.partition("-")[0]]


async def _ask(request: AnyRequest, lost: _Lost) -> CodeSent:
    services, rules = services_of(request), lost.intake.rules
    code = new_code()
    text = services.texts.get(language_of(request), "sms.code", code=code)
    client, limits = services.proxies.client_of(request.scope), lost.intake.programme.limits
    asking = Asking(
        request=lost.request,
        address=services.ring.address(client),
        address_limit=limit_text(limits.address),
        code_hash=_hash_code(services, lost, code),
        sealed_message=services.ring.seal(_MESSAGES.encode((lost.number, lost.phone, text)), lost.request),
    )
    answer = await ask_receipt(services.store, lost.intake.programme.code, rules, asking)
    _check_asked(answer, lost.intake)
    return CodeSent(rules.resend_ms // 1000, answer.figure)


def _hash_code(services: Services, lost: _Lost, code: str) -> str:
    return services.ring.code_hash(lost.request, code)


def _check_asked(answer: AskAnswer, intake: Intake) -> None:
    rules = intake.rules
    match answer.outcome:
        case AskOutcome.ASKED_A_MOMENT_AGO:
            raise sent_a_moment_ago(answer.figure, rules)
        case AskOutcome.TOO_MANY_CODES:
            raise too_many_codes(answer.figure, intake.programme.limits.phone)
        case AskOutcome.TOO_MANY_FROM_ADDRESS:
            raise Limited(ProblemCode.RATE_LIMITED, intake.address_quota, answer.figure)
        case AskOutcome.LOCKED:
            raise locked(answer.figure, rules)
        case AskOutcome.SENT:
            return


async def _redeem(services: Services, lost: _Lost, code: str) -> NewReceipt:
    programme, rules = lost.intake.programme.code, lost.intake.rules
    # The register first, whatever the code is: if it is away, no code is spent for nothing. But nothing of
    # the number yet: how long that takes would tell whoever tries a code whether somebody has it.
    await ask_register(services.journal.check())
    code_hash = _hash_code(services, lost, code)
    answer = await redeem_receipt(services.store, programme, rules, lost.request, code_hash)
    _check_redeemed(answer, rules)
    entry = await ask_register(services.journal.get_by_number(lost.number))
    if entry is None or entry.phone_hash != services.ring.phone(lost.phone):
        # No such code was ever sent, so this one was a lucky guess: it answers like an unlucky one.
        raise Refusal(ProblemCode.CODE_WRONG, attempts_left=rules.tries - 1)
    receipt = new_receipt()
    receipt_hash = hash_receipt(receipt)
    await ask_register(services.journal.replace_receipt(entry.application_id, receipt_hash))
    await replace_receipt(services.store, programme, entry.application_id, receipt_hash)
    return NewReceipt(entry.application_id, receipt)


def _check_redeemed(answer: RedeemAnswer, rules: ConfirmationRules) -> None:
    match answer.outcome:
        case RedeemOutcome.WRONG_CODE:
            raise Refusal(ProblemCode.CODE_WRONG, attempts_left=answer.figure)
        case RedeemOutcome.LOCKED:
            raise locked(answer.figure, rules)
        case RedeemOutcome.EXPIRED:
            raise Refusal(ProblemCode.CODE_EXPIRED)
        case RedeemOutcome.RIGHT:
            return
