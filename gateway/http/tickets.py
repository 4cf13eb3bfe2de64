"""The header `Waiting-Ticket`, and what whoever waits is told instead of a slot."""

import random
from typing import Any

from gateway.domain.controls import Mode
from gateway.domain.tickets import Place, Ticket, read_ticket, write_ticket
from gateway.http.eta import SOONEST_POLL_MS, estimate, poll_after_ms
from gateway.http.refusals import WHEN_OPEN_AGAIN, ProblemCode, Refusal, after_ms
from gateway.http.request import Exchange, header_of, language_of, services_of
from gateway.http.services import Intake
from gateway.inflight.waiting import stand

# As many hexadecimal digits of the person's keyed hash as a ticket holds.
_PERSON_DIGITS = 16

# The line may have moved on since the last refresh, whose call may have begun in the second before it.
_UNSEEN_SECONDS = 2


def ticket_of(exchange: Exchange) -> Ticket | None:
    """Return None when none was sent; raises Refusal for one that was not signed here."""
    text = header_of(exchange, b"waiting-ticket")
    if text is None:
        return None
    ticket = read_ticket(text, services_of(exchange).ring.verify)
    if ticket is None:
        raise Refusal(ProblemCode.TICKET_INVALID)
    return ticket


def ticket_for(exchange: Exchange, intake: Intake) -> Ticket | None:
    """Return None when none was sent; raises Refusal, for another programme's ticket too."""
    ticket = ticket_of(exchange)
    if ticket and ticket.programme != intake.programme.code:
        raise Refusal(ProblemCode.TICKET_INVALID)
    return ticket


def check_claim(exchange: Exchange, intake: Intake, ticket: Ticket, iin: str) -> None:
    """Raise Refusal for another person's ticket, and for one whose turn cannot have come yet."""
    if ticket.person != services_of(exchange).ring.person(intake.programme.code, iin)[:_PERSON_DIGITS]:
        raise Refusal(ProblemCode.TICKET_INVALID)
    place, summaries = ticket.place, intake.summaries
    summary = summaries.latest
    # A number of another epoch is judged by Redis, which may know of a newer line than these figures.
    if summary is None or place.lane != 0 or place.epoch != summary.epoch:
        return
    unseen = intake.programme.calls_per_second * (summaries.age_seconds() + _UNSEEN_SECONDS)
    standing = stand(place, summary.line, summary.front_row)
    if standing and place.number > summary.line.called + unseen:
        if not summary.mode.gives_tickets:
            raise closed(exchange, intake)
        raise not_called(intake, standing.position)


def not_called(intake: Intake, position: int) -> Refusal:
    return Refusal(ProblemCode.TICKET_NOT_CALLED, come_back=after_ms(pause_ms(intake, position)))


def closed(exchange: Exchange, intake: Intake) -> Refusal:
    language = language_of(exchange)
    message = intake.summaries.message(language)
    if not message:
        # Redis has said so before the next refresh did.
        message = services_of(exchange).texts.get(language, "problem.programme_closed.detail")
    return Refusal(ProblemCode.PROGRAMME_CLOSED, come_back=WHEN_OPEN_AGAIN, message=message)


def full(exchange: Exchange, intake: Intake, person: str, place: Place, position: int) -> Refusal:
    message = intake.summaries.message(language_of(exchange))
    told: dict[str, Any] = {"message": message} if message else {}
    ticket = Ticket(intake.programme.code, place, person[:_PERSON_DIGITS])
    eta = estimate(position, intake.summaries.speed)
    pause = pause_ms(intake, position)
    return Refusal(
        ProblemCode.FULL,
        come_back=after_ms(pause),
        ticket=write_ticket(ticket, services_of(exchange).ring.sign),
        position=position,
        eta_seconds=eta.seconds,
        eta_p90_seconds=eta.p90_seconds,
        poll_after_ms=pause,
        **told,
    )


def pause_ms(intake: Intake, position: int) -> int:
    """Return when to ask again, with jitter; whoever may come may ask every two seconds."""
    programme, mode = intake.programme, intake.summaries.mode
    waits = position > 0 or mode is Mode.CLOSED
    jitter = random.random() if waits else 0.0  # noqa: S311 - jitter, not a secret.
    # In a pause nobody's turn comes nearer; its end is to be heard of well within the window that it opens.
    half_window_ms = programme.waiting_room.claim_window_seconds * 500
    soonest_ms = SOONEST_POLL_MS if mode.calls or not waits else max(half_window_ms, SOONEST_POLL_MS)
    return poll_after_ms(position, programme.calls_per_second, jitter, soonest_ms)
