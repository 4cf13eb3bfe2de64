"""`POST /v1/applications/{id}/confirmation`: the code from the SMS; if it is right, the case is accepted."""

from litestar import Response, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK

from gateway.domain.application import FieldFault
from gateway.domain.case import State
from gateway.http.bodies import read_body
from gateway.http.documents import BEARER, CodeForm, described
from gateway.http.forms import parse_code, read_form
from gateway.http.metrics import count_confirmation
from gateway.http.phone import hash_code, locked
from gateway.http.receipt import holder_of
from gateway.http.refusals import WHEN_FULL, InvalidFields, ProblemCode, Refusal
from gateway.http.request import AnyRequest, services_of
from gateway.http.wire import Confirmed
from gateway.inflight.confirmation import ConfirmAnswer, ConfirmationRules, ConfirmOutcome, confirm

# A phone that has confirmed as many persons as it may. Part of the contract with clients.
_PHONE_SPENT = "phone_spent"


@post(
    "/applications/{application_id:str}/confirmation",
    status_code=HTTP_200_OK,
    **described(
        CodeForm,
        ProblemCode.NOT_FOUND,
        ProblemCode.WRONG_STATE,
        ProblemCode.ALREADY_APPLIED,
        ProblemCode.CODE_EXPIRED,
        ProblemCode.CODE_WRONG,
        ProblemCode.INVALID_APPLICATION,
        ProblemCode.CODE_LOCKED,
        ProblemCode.FULL,
        ProblemCode.STORE_UNAVAILABLE,
        security=BEARER,
    ),
)
async def confirm_phone(request: AnyRequest, application_id: FromPath[str]) -> Response[Confirmed]:
    services = services_of(request)
    holder = holder_of(request, application_id)
    body = await read_body(request, services.body_limits)
    code = read_form(body, {"code": parse_code})["code"]
    intake = holder.intake
    answer = await confirm(
        services.store,
        intake.programme.code,
        intake.rules,
        holder.claim,
        hash_code(request, application_id, code),
    )
    count_confirmation(intake.programme.code, answer.outcome)
    _check_accepted(answer, intake.rules)
    return Response(Confirmed(application_id, State.ACCEPTED))


def _check_accepted(answer: ConfirmAnswer, rules: ConfirmationRules) -> None:
    match answer.outcome:
        case ConfirmOutcome.NOT_FOUND:
            raise Refusal(ProblemCode.NOT_FOUND)
        case ConfirmOutcome.WRONG_STATE:
            raise Refusal(ProblemCode.WRONG_STATE)
        case ConfirmOutcome.WRONG_CODE:
            raise Refusal(ProblemCode.CODE_WRONG, attempts_left=answer.figure)
        case ConfirmOutcome.LOCKED:
            raise locked(answer.figure, rules)
        case ConfirmOutcome.EXPIRED:
            raise Refusal(ProblemCode.CODE_EXPIRED)
        case ConfirmOutcome.ALREADY_APPLIED:
            raise Refusal(ProblemCode.ALREADY_APPLIED)
        case ConfirmOutcome.PHONE_SPENT:
            raise InvalidFields([FieldFault("phone", _PHONE_SPENT)])
        # In the same words, so that nobody learns that another has confirmed for this person.
        case ConfirmOutcome.FULL | ConfirmOutcome.IN_DOUBT:
            raise Refusal(ProblemCode.FULL, come_back=WHEN_FULL, detail_key="problem.full.confirming")
        case ConfirmOutcome.ACCEPTED:
            return
