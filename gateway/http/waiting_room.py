"""`GET /v1/waiting-room`: where a ticket stands, told from memory."""

from dataclasses import replace

import msgspec
from litestar import Response, get
from litestar.status_codes import HTTP_200_OK

from gateway.domain.controls import Mode
from gateway.domain.tickets import Ticket, write_ticket
from gateway.http.answers import Answer
from gateway.http.documents import WAITING_TICKET, described
from gateway.http.eta import LATEST_POLL_MS, NO_ETA, estimate
from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.request import AnyRequest, Exchange, header_of, language_of, services_of
from gateway.http.services import Intake
from gateway.http.tickets import pause_ms, ticket_of
from gateway.http.wire import PlaceInLine, rfc3339
from gateway.inflight.status import Summary
from gateway.inflight.waiting import Stand, Standing, stand

_ANSWERS = msgspec.json.Encoder()

# Waiting changes nothing any more.
_OVER = frozenset({Stand.CLAIMED, Stand.MISSED})


@get(
    "/waiting-room",
    **described(
        None,
        ProblemCode.TICKET_INVALID,
        ProblemCode.STORE_UNAVAILABLE,
        parameters=[replace(WAITING_TICKET, required=True)],
    ),
)
async def show_place(request: AnyRequest) -> Response[PlaceInLine]:
    answer = await poll(request)
    return answer.as_response()


async def poll(exchange: Exchange) -> Answer:
    """Raise Refusal, and StoreUnavailable where only Redis knows the place."""
    services = services_of(exchange)
    ticket = ticket_of(exchange)
    intake = services.intakes.get(ticket.programme) if ticket else None
    if ticket is None or intake is None:
        raise Refusal(ProblemCode.TICKET_INVALID)
    summary = intake.summaries.current()
    if ticket.place.epoch != summary.epoch:
        raise Refusal(ProblemCode.TICKET_INVALID)
    standing = await _standing(intake, ticket, summary)
    language = language_of(exchange)
    message = intake.summaries.message(language)
    place = _place(intake, summary, standing, _written(exchange, ticket), message)
    headers: dict[str, str] = {"Content-Language": language} if message else {}
    return Answer(HTTP_200_OK, _ANSWERS.encode(place), headers)


def _written(exchange: Exchange, ticket: Ticket) -> str:
    """Return the ticket as the active key signs it, which is how it came unless the key has changed."""
    ring, sent = services_of(exchange).ring, header_of(exchange, b"waiting-ticket")
    return sent if sent and ticket.key == ring.active else write_ticket(ticket, ring.sign)


async def _standing(intake: Intake, ticket: Ticket, summary: Summary) -> Standing:
    place = ticket.place
    standing = stand(place, summary.line, summary.front_row)
    if standing is not None:
        return standing
    floor = (summary.front_row if place.lane else summary.line).floor
    came = await intake.pieces.has_come(place.epoch, place.lane, place.number, floor)
    return Standing(Stand.CLAIMED if came else Stand.MISSED)


def _place(
    intake: Intake, summary: Summary, standing: Standing, ticket: str, message: str | msgspec.UnsetType
) -> PlaceInLine:
    is_over, is_closed = standing.state in _OVER, summary.mode is Mode.CLOSED
    # Windows stand still in a closed programme.
    ends_ms = None if is_closed else standing.claim_before_ms
    eta = NO_ETA if is_over or is_closed else estimate(standing.position, intake.summaries.speed)
    return PlaceInLine(
        state=standing.state,
        mode=summary.mode,
        position=standing.position,
        eta_seconds=eta.seconds,
        eta_p90_seconds=eta.p90_seconds,
        poll_after_ms=LATEST_POLL_MS if is_over else pause_ms(intake, standing.position),
        # Both clocks as of the same refresh: the service clock alone stands still in an outage.
        claim_before=None if ends_ms is None else rfc3339(summary.at_ms + ends_ms - summary.service_ms),
        ticket=ticket,
        message=message,
    )
