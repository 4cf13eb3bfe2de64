"""How somebody gets in: the form, the ticket, the wait, the claim."""

import msgspec

from gateway.domain.tickets import Place
from gateway.http.refusals import WHEN_OPEN_AGAIN, ProblemCode, after_ms
from gateway.inflight.admission import (
    Admission,
    Admitted,
    Closed,
    Full,
    OverLimit,
    TicketMissed,
    TicketNotCalled,
    TooManyCandidates,
)
from gateway.operators.rehearsal.recording import Arrival
from gateway.operators.rehearsal.stage import Over, Stage, pause

# What is sealed or hashed in life; the functions keep and compare it, and do not look inside.
SEALED, RECEIPT_HASH = b"-", "-"


def application_of(programme: str, arrival: Arrival, number: int) -> Admission:
    """Return the form as it goes to Redis; `number` is nobody else's."""
    person = f"{arrival.person:032x}"
    return Admission(
        id=f"{programme}-{number:026}",
        # Where nothing is known of addresses, everybody has one alone.
        address=f"{arrival.person if arrival.address is None else arrival.address:x}",
        person=person,
        # Read backwards, for the first digits say in which hash a place is kept.
        proof=person[:15:-1],
        receipt_hash=RECEIPT_HASH,
        body=SEALED,
        idempotency="",
        digest="",
        sealed_receipt=b"",
    )


async def enter(stage: Stage, arrival: Arrival, application: Admission) -> int | None:
    """Return for how long somebody had to wait, None for nobody who was told to. Raises Over."""
    came_at_ms, was_told_to_wait, tally = stage.loop.now_ms, False, stage.tally
    place: Place | None = None
    while True:
        decision = await stage.desk.admit(_with(application, place))
        match decision:
            case Admitted():
                return stage.loop.now_ms - came_at_ms if was_told_to_wait else None
            case Full(given, position):
                tally.refusals[ProblemCode.FULL] += 1
                tally.told_to_wait += not was_told_to_wait
                was_told_to_wait = True
                place = await _wait(stage, arrival, given, position)
            case TicketNotCalled(position) if place:
                tally.refusals[ProblemCode.TICKET_NOT_CALLED] += 1
                place = await _wait(stage, arrival, place, position)
            case OverLimit(retry_after_ms=wait_ms) | TooManyCandidates(wait_ms):
                tally.refusals[ProblemCode.RATE_LIMITED] += 1
                await stage.come_back(after_ms(wait_ms))
            case Closed():
                tally.refusals[ProblemCode.PROGRAMME_CLOSED] += 1
                await stage.come_back(WHEN_OPEN_AGAIN)
            case _:
                # The place is worth nothing any more: a newcomer.
                missed = isinstance(decision, TicketMissed)
                tally.refusals[ProblemCode.TICKET_MISSED if missed else ProblemCode.TICKET_INVALID] += 1
                place = None


async def _wait(stage: Stage, arrival: Arrival, place: Place, position: int) -> Place | None:
    """Return the ticket to come with, if any. Raises Over for whoever does not wait."""
    if not arrival.comes_back:
        raise Over
    if arrival.every_ms is not None:
        # The same form again, and never mind the ticket: the place is found by the person.
        await pause(arrival.every_ms)
        return None
    await stage.board.turn(place, stage.board.pause_ms(position))
    await pause(arrival.claim_ms)
    return place


def _with(application: Admission, place: Place | None) -> Admission:
    if place is None:
        return application
    return msgspec.structs.replace(
        application,
        lane=str(place.lane),
        number=str(place.number),
        again=str(int(place.again)),
        epoch=str(place.epoch),
    )
