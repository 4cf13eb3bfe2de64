"""`GET /v1/applications/{id}`: where a case is, from Redis while it is there, then from the register."""

import hmac

from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from gateway.domain.calendar import decide_by
from gateway.domain.case import LIVE, State
from gateway.http.documents import BEARER, described
from gateway.http.receipt import Holder, holder_of
from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.register_calls import ask_register
from gateway.http.request import AnyRequest, services_of
from gateway.http.services import Services
from gateway.http.wire import ApplicationStatus, StateAt, rfc3339
from gateway.inflight.status import look


class _Sight(Struct, frozen=True):
    """A case as one of the two stores has it; times are epoch ms."""

    state: State
    receipt_hash: str
    number: str | None
    history: tuple[tuple[State, int], ...]
    accepted_at_ms: int | None


@get(
    "/applications/{application_id:str}",
    **described(
        None, ProblemCode.NOT_FOUND, ProblemCode.FULL, ProblemCode.STORE_UNAVAILABLE, security=BEARER
    ),
)
async def show_application(request: AnyRequest, application_id: FromPath[str]) -> Response[ApplicationStatus]:
    services = services_of(request)
    holder = holder_of(request, application_id)
    with services.crowd.looking():
        sight = await _find(services, holder)
    if sight is None or not hmac.compare_digest(sight.receipt_hash, holder.receipt_hash):
        raise Refusal(ProblemCode.NOT_FOUND)
    return Response(_status(services, holder, sight))


async def _find(services: Services, holder: Holder) -> _Sight | None:
    seen = await look(services.store, holder.intake.programme.code, holder.application_id)
    if seen is None:
        return await _find_in_register(services, holder.application_id)
    sight = _Sight(
        seen.state,
        seen.receipt_hash,
        seen.number,
        tuple((step.state, step.at_ms) for step in seen.history),
        seen.accepted_at_ms,
    )
    if seen.state in LIVE or not hmac.compare_digest(seen.receipt_hash, holder.receipt_hash):
        return sight
    # What happens to a case after it has left its slot happens in the register.
    return await _find_in_register(services, holder.application_id) or sight


async def _find_in_register(services: Services, application_id: str) -> _Sight | None:
    entry = await ask_register(services.journal.get(application_id))
    if entry is None:
        return None
    return _Sight(
        entry.state,
        entry.receipt_hash,
        entry.number,
        tuple((step.state, step.at_ms) for step in entry.history),
        entry.accepted_at_ms,
    )


def _status(services: Services, holder: Holder, sight: _Sight) -> ApplicationStatus:
    programme = holder.intake.programme
    due = None
    if sight.accepted_at_ms is not None:
        due = rfc3339(decide_by(sight.accepted_at_ms, programme.terms.working_days, services.calendar))
    return ApplicationStatus(
        id=holder.application_id,
        programme=programme.code,
        state=sight.state,
        number=sight.number,
        history=tuple(StateAt(state, rfc3339(at_ms)) for state, at_ms in sight.history),
        decide_by=due,
    )
