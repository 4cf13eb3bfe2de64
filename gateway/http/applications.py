"""`POST /v1/programmes/{programme}/applications`: an application gets a slot, or hears why not."""

import re
from typing import NamedTuple

import msgspec
from litestar import Response, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_202_ACCEPTED

from gateway.domain.application import Application
from gateway.domain.case import State, new_application_id
from gateway.domain.texts import Language
from gateway.domain.tickets import Place
from gateway.http.answers import Answer
from gateway.http.documents import (
    IDEMPOTENCY_KEY,
    OF_THE_APPLICATION,
    WAITING_TICKET,
    ApplicationForm,
    described,
)
from gateway.http.receipt import hash_receipt, new_receipt
from gateway.http.refusals import Limited, ProblemCode, Quota, Refusal
from gateway.http.request import AnyRequest, Exchange, header_of, language_of, services_of, trace_of
from gateway.http.services import Intake, Services
from gateway.http.submission import read_submission, warn
from gateway.http.tickets import check_claim, closed, full, not_called, ticket_for
from gateway.http.wire import Submitted, rfc3339
from gateway.inflight.admission import (
    Admission,
    Admitted,
    Closed,
    Decision,
    Full,
    IdempotencyConflict,
    OverLimit,
    Repeated,
    TicketInvalid,
    TicketMissed,
    TicketNotCalled,
    TooManyCandidates,
)

_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")

# As many hexadecimal digits of the digest as tell one person's IBAN from another's in a few candidates.
_PROOF_LENGTH = 16

_FORMS = msgspec.msgpack.Encoder()
_ANSWERS = msgspec.json.Encoder()


@post(
    "/programmes/{programme:str}/applications",
    status_code=HTTP_202_ACCEPTED,
    **described(
        ApplicationForm,
        ProblemCode.NOT_FOUND,
        ProblemCode.INVALID_APPLICATION,
        ProblemCode.CATEGORY_CLOSED,
        ProblemCode.IDEMPOTENCY_CONFLICT,
        ProblemCode.TICKET_INVALID,
        ProblemCode.TICKET_NOT_CALLED,
        ProblemCode.TICKET_MISSED,
        ProblemCode.RATE_LIMITED,
        ProblemCode.FULL,
        ProblemCode.PROGRAMME_CLOSED,
        ProblemCode.STORE_UNAVAILABLE,
        parameters=[IDEMPOTENCY_KEY, WAITING_TICKET],
        links=OF_THE_APPLICATION,
    ),
)
async def submit_application(request: AnyRequest, programme: FromPath[str]) -> Response[Submitted]:
    answer = await submit(programme, request)
    return answer.as_response()


async def submit(programme: str, exchange: Exchange) -> Answer:
    """Raise Refusal, StoreUnavailable. What is shed is shed before the body is read."""
    services = services_of(exchange)
    intake = services.intake(programme)
    client = services.proxies.client_of(exchange.scope)
    services.crowd.check_address(client, intake.address_quota)
    services.store.check()
    key, ticket = _idempotency_key(exchange), ticket_for(exchange, intake)
    services.crowd.check_room(with_ticket=ticket is not None)
    application = await read_submission(exchange, intake)
    if ticket:
        check_claim(exchange, intake, ticket, application.iin)
    receipt, language = new_receipt(), language_of(exchange)
    taken_at = services.crowd.take()
    try:
        around = _Around(client, language, key, receipt, _trace(exchange, intake, application))
        admission = _admission(services, intake, application, around)
        if ticket:
            admission = _with_place(admission, ticket.place)
        decision = await intake.desk.admit(admission)
    finally:
        services.crowd.let_go(taken_at)
    if isinstance(decision, OverLimit) and decision.limit == intake.address_quota.name:
        services.crowd.note_over_limit(client, intake.address_quota, decision.retry_after_ms)
    application_id, receipt, expires_at_ms = _admitted(exchange, intake, admission, receipt, decision)
    trace_of(exchange).application_id = application_id
    submitted = Submitted(
        application_id, receipt, State.AWAITING_PHONE, rfc3339(expires_at_ms), warn(exchange, application)
    )
    headers = {"Location": f"/v1/applications/{application_id}", "Content-Language": language}
    return Answer(HTTP_202_ACCEPTED, _ANSWERS.encode(submitted), headers)


class _Around(NamedTuple):
    """What a submission brings beside its form."""

    client: bytes
    language: Language
    key: str | None
    receipt: str
    trace: str


def _trace(exchange: Exchange, intake: Intake, application: Application) -> str:
    """Return what the worker continues the trace by; mostly there is none."""
    span = trace_of(exchange).span
    if span is None:
        return ""
    span.tell(programme=intake.programme.code, category=application.category)
    return span.context


def _idempotency_key(exchange: Exchange) -> str | None:
    key = header_of(exchange, b"idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Refusal(ProblemCode.MALFORMED)
    return key


def _admission(services: Services, intake: Intake, application: Application, around: _Around) -> Admission:
    """Seal what is personal; what Redis gets beside it are keyed hashes."""
    client, language, key, receipt, trace = around
    ring, programme = services.ring, intake.programme.code
    application_id = new_application_id(programme)
    spoken = msgspec.structs.replace(application, language=application.language or language)
    return Admission(
        id=application_id,
        address=ring.address(client),
        person=ring.person(programme, application.iin),
        proof=ring.digest(f"{application.iin} {application.iban}".encode())[:_PROOF_LENGTH],
        receipt_hash=hash_receipt(receipt),
        body=ring.seal(_FORMS.encode(spoken), application_id),
        idempotency="" if key is None else ring.idempotency(programme, key),
        # The checked form, not the bytes that came: spaces in the JSON make no other application.
        digest="" if key is None else ring.digest(_FORMS.encode(application)),
        sealed_receipt=b"" if key is None else ring.seal(receipt.encode(), application_id),
        trace=trace,
    )


def _with_place(admission: Admission, place: Place) -> Admission:
    return msgspec.structs.replace(
        admission,
        lane=str(place.lane),
        number=str(place.number),
        again=str(int(place.again)),
        epoch=str(place.epoch),
    )


def _admitted(  # noqa: C901 - One arm for each decision.
    exchange: Exchange, intake: Intake, admission: Admission, receipt: str, decision: Decision
) -> tuple[str, str, int]:
    """Return id, receipt and end of the lease (epoch ms); raises Refusal."""
    match decision:
        case Admitted(expires_at_ms):
            return admission.id, receipt, expires_at_ms
        case Repeated(application_id, sealed_receipt, expires_at_ms):
            first = services_of(exchange).ring.unseal(sealed_receipt, application_id).decode()
            return application_id, first, expires_at_ms
        case IdempotencyConflict():
            raise Refusal(ProblemCode.IDEMPOTENCY_CONFLICT)
        case Full(place, position):
            raise full(exchange, intake, admission.person, place, position)
        case Closed():
            raise closed(exchange, intake)
        case TicketInvalid():
            raise Refusal(ProblemCode.TICKET_INVALID)
        case TicketNotCalled(position):
            raise not_called(intake, position)
        case TicketMissed():
            raise Refusal(ProblemCode.TICKET_MISSED)
        case TooManyCandidates(retry_after_ms):
            leases = intake.programme.leases
            quota = Quota("candidates", intake.programme.candidates, leases.before_phone_seconds)
            raise Limited(ProblemCode.RATE_LIMITED, quota, retry_after_ms)
        case OverLimit(limit, retry_after_ms):
            quota = intake.address_quota if limit == intake.address_quota.name else intake.person_quota
            raise Limited(ProblemCode.RATE_LIMITED, quota, retry_after_ms)
