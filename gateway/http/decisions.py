"""`POST /v1/decisions`: what the Fund decided, told by E-Maket, signed, and as often as it likes."""

import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from typing import cast

from litestar import Response, post
from litestar.status_codes import HTTP_204_NO_CONTENT

from gateway.domain.case import DECIDED, State, programme_of
from gateway.domain.identifiers import IdentifierError, IdentifierFault
from gateway.http.bodies import read_body
from gateway.http.documents import SIGNATURE, TIMESTAMP, DecisionForm, described
from gateway.http.forms import read_form
from gateway.http.metrics import count_decision
from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.register_calls import ask_register
from gateway.http.request import AnyRequest, header_of, services_of, trace_of
from gateway.http.services import Services, Webhook
from gateway.inflight.progress import decided
from gateway.register.entries import DecisionOutcome, Verdict

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
# Free text might name somebody and would lie in the register in clear, so only a code is kept.
_REASON_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FIRST_TOLD = frozenset({DecisionOutcome.APPLIED, DecisionOutcome.RECORDED_EARLY})


@post(
    "/decisions",
    status_code=HTTP_204_NO_CONTENT,
    **described(
        DecisionForm,
        ProblemCode.NOT_FOUND,
        ProblemCode.WRONG_STATE,
        ProblemCode.INVALID_APPLICATION,
        ProblemCode.STORE_UNAVAILABLE,
        parameters=[TIMESTAMP, SIGNATURE],
    ),
)
async def take_decision(request: AnyRequest) -> Response[None]:
    services = services_of(request)
    body = await read_body(request, services.body_limits)
    _check_signature(request, services.webhook, body)
    form = read_form(
        body,
        {
            "application_id": str,
            "number": str,
            "decision": _parse_verdict,
            "decided_at": _parse_moment,
            "reason": str,
        },
        optional=frozenset({"reason"}),
    )
    application_id = form["application_id"]
    programme = programme_of(application_id)
    if programme is None:
        raise Refusal(ProblemCode.NOT_FOUND)
    services.intake(programme)
    trace_of(request).application_id = application_id
    outcome = await ask_register(
        services.journal.decide(
            application_id,
            form["number"],
            cast("Verdict", State(form["decision"])),
            _epoch_ms(form["decided_at"]),
            int(time.time() * 1000),
            _reason_code(form.get("reason")),
        )
    )
    if outcome in _FIRST_TOLD:
        count_decision(programme, State(form["decision"]))
    await _follow(services, programme, application_id, outcome)
    return Response(None)


def _check_signature(request: AnyRequest, webhook: Webhook, body: bytes) -> None:
    """Raise Refusal. Whoever cannot sign learns nothing, not even that there is something to sign for."""
    timestamp = header_of(request, b"timestamp") or ""
    signature = header_of(request, b"signature") or ""
    if not (_TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
        raise Refusal(ProblemCode.NOT_FOUND)
    expected = hmac.new(webhook.key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    is_fresh = abs(time.time() - int(timestamp)) <= webhook.window_seconds
    if not (hmac.compare_digest(signature, expected) and is_fresh):
        raise Refusal(ProblemCode.NOT_FOUND)


async def _follow(services: Services, programme: str, application_id: str, outcome: DecisionOutcome) -> None:
    """Do in Redis what follows from the decision; a repeat does it again, in case a crash came between."""
    match outcome:
        case DecisionOutcome.UNKNOWN:
            raise Refusal(ProblemCode.NOT_FOUND)
        case DecisionOutcome.CONTRADICTS:
            raise Refusal(ProblemCode.WRONG_STATE)
        case DecisionOutcome.RECORDED_EARLY:
            return
        case DecisionOutcome.APPLIED | DecisionOutcome.REPEATED:
            entry = await ask_register(services.journal.get(application_id))
            # A repeated decision may still be early: then the worker does this once the case is forwarded.
            if entry is not None and entry.state in DECIDED:
                is_denied = entry.state is State.DENIED
                await decided(services.store, programme, application_id, entry.person, denied=is_denied)


def _reason_code(reason: str | None) -> str | None:
    return reason if reason and _REASON_CODE.fullmatch(reason) else None


def _parse_verdict(text: str) -> str:
    if text not in DECIDED:
        raise IdentifierError(IdentifierFault.WRONG_STRUCTURE)
    return text


def _parse_moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        # At the ends of time another zone's moment has no year any more, and could never be shown.
        is_exact = moment.tzinfo is not None and moment.astimezone(UTC) >= _EPOCH
    except (ValueError, OverflowError):
        is_exact = False
    if not is_exact:
        raise IdentifierError(IdentifierFault.WRONG_STRUCTURE)
    return text


def _epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
