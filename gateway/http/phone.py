"""`POST /v1/applications/{id}/phone`: the applicant's mobile number, to which a code is sent."""

import secrets
import time
from functools import partial

import msgspec
from litestar import Response, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_202_ACCEPTED

from gateway.domain.phones import parse_mobile
from gateway.domain.programme import Limits, RateLimit
from gateway.http.bodies import read_body
from gateway.http.documents import BEARER, PhoneForm, described
from gateway.http.forms import CODE_LENGTH, read_form
from gateway.http.metrics import count_code_asked
from gateway.http.receipt import Holder, holder_of
from gateway.http.refusals import Limited, ProblemCode, Quota, Refusal
from gateway.http.request import AnyRequest, language_of, services_of
from gateway.http.services import quota_of
from gateway.http.wire import CodeSent, rfc3339
from gateway.inflight.confirmation import (
    ConfirmationRules,
    PhoneAnswer,
    PhoneOutcome,
    SealedCode,
    give_phone,
)

_DAY_SECONDS = 86_400

_MESSAGES = msgspec.msgpack.Encoder()


@post(
    "/applications/{application_id:str}/phone",
    status_code=HTTP_202_ACCEPTED,
    **described(
        PhoneForm,
        ProblemCode.NOT_FOUND,
        ProblemCode.WRONG_STATE,
        ProblemCode.INVALID_APPLICATION,
        ProblemCode.RATE_LIMITED,
        ProblemCode.CODE_LOCKED,
        ProblemCode.STORE_UNAVAILABLE,
        security=BEARER,
    ),
)
async def take_phone(request: AnyRequest, application_id: FromPath[str]) -> Response[CodeSent]:
    services = services_of(request)
    holder = holder_of(request, application_id)
    intake = holder.intake
    body = await read_body(request, services.body_limits)
    parse = partial(parse_mobile, prefixes=intake.programme.phone.prefixes)
    phone = read_form(body, {"phone": parse})["phone"]
    answer = await give_phone(
        services.store,
        intake.programme.code,
        intake.rules,
        holder.claim,
        _sealed_code(request, holder, phone),
    )
    count_code_asked(intake.programme.code, answer.outcome)
    check_sent(answer, intake.rules, intake.programme.limits)
    return Response(CodeSent(intake.rules.resend_ms // 1000, answer.figure))


def new_code() -> str:
    return f"{secrets.randbelow(10**CODE_LENGTH):0{CODE_LENGTH}}"


def _sealed_code(request: AnyRequest, holder: Holder, phone: str) -> SealedCode:
    ring, texts = services_of(request).ring, services_of(request).texts
    code = new_code()
    # The language of the form lies sealed in Redis; whoever gives the phone reads the language asked for now.
    text = texts.get(language_of(request), "sms.code", code=code)
    application_id = holder.application_id
    return SealedCode(
        phone_hash=ring.phone(phone),
        block_hash=ring.block(phone),
        sealed_phone=ring.seal(phone.encode(), application_id),
        code_hash=hash_code(request, application_id, code),
        sealed_message=ring.seal(_MESSAGES.encode((phone, text)), application_id),
        address_hash=ring.address(services_of(request).proxies.client_of(request.scope)),
    )


def hash_code(request: AnyRequest, application_id: str, code: str) -> str:
    """Leave the phone out: it is not known when the code comes back, and a new phone brings a new code."""
    return services_of(request).ring.code_hash(application_id, code)


def check_sent(answer: PhoneAnswer, rules: ConfirmationRules, limits: Limits) -> None:
    """Raise Refusal unless the code is on its way."""
    match answer.outcome:
        case PhoneOutcome.NOT_FOUND:
            raise Refusal(ProblemCode.NOT_FOUND)
        case PhoneOutcome.WRONG_STATE | PhoneOutcome.CHANGED_TOO_OFTEN:
            raise Refusal(ProblemCode.WRONG_STATE)
        case PhoneOutcome.SENT_A_MOMENT_AGO:
            raise sent_a_moment_ago(answer.figure, rules)
        case PhoneOutcome.LOCKED:
            raise locked(answer.figure, rules)
        case PhoneOutcome.SENT:
            return
        case over:
            raise Limited(ProblemCode.RATE_LIMITED, _quotas(limits)[over], answer.figure)


def _quotas(limits: Limits) -> dict[PhoneOutcome, Quota]:
    """What is granted, by the answer that refuses more of it."""
    conversion = limits.conversion
    return {
        PhoneOutcome.TOO_MANY_CODES: quota_of("phone", limits.phone),
        PhoneOutcome.TOO_MANY_NEARBY: quota_of("block", limits.block),
        PhoneOutcome.TOO_MANY_FROM_ADDRESS: quota_of("code_address", limits.code_address),
        PhoneOutcome.WASTED: Quota("conversion", conversion.codes, conversion.window_seconds),
        PhoneOutcome.BUDGET_SPENT: Quota("codes", limits.codes_per_day, _DAY_SECONDS),
    }


def sent_a_moment_ago(wait_ms: int, rules: ConfirmationRules) -> Limited:
    return Limited(ProblemCode.RATE_LIMITED, Quota("resend", 1, rules.resend_ms // 1000), wait_ms)


def too_many_codes(wait_ms: int, limit: RateLimit) -> Limited:
    return Limited(ProblemCode.RATE_LIMITED, quota_of("phone", limit), wait_ms)


def locked(wait_ms: int, rules: ConfirmationRules) -> Limited:
    until = rfc3339(int(time.time() * 1000) + wait_ms)
    return Limited(
        ProblemCode.CODE_LOCKED, Quota("tries", rules.tries, _DAY_SECONDS), wait_ms, locked_until=until
    )
