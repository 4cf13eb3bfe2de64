"""What a worker does with an accepted case; every change carries the fencing token it was taken under."""

from enum import IntEnum, StrEnum

import msgspec

from gateway.domain.case import State, job_id
from gateway.inflight.jobs import JOB_TTL_MS, PROCESS_CASE, SEND_NOTICE, job_payload
from gateway.inflight.records import Step, history_text, parse_history
from gateway.inflight.store import Store


class StaleToken(Exception):
    """Somebody else has taken the case since, or it has ended: this worker must leave it alone."""


class Marker(StrEnum):
    """What becomes of the person's marker, which answers whoever else confirms for that person."""

    KEEP = "keep"
    # One may apply again.
    FORGET = "forget"
    # One may with another phone: this one is not known to be the person's.
    DOUBT = "doubt"


class TakenCase(msgspec.Struct, frozen=True):
    """A case in a worker's hands. `takes` counts how often it was taken without getting any further."""

    fence: int
    takes: int
    state: State
    person: str
    receipt_hash: str
    body: bytes
    sealed_phone: bytes
    phone_hash: str
    number: str | None
    history: tuple[Step, ...]
    accepted_at_ms: int
    taken_at_ms: int
    # Of the request that brought it, empty unless that was traced.
    trace: str
    # Whether the phone is known to be the person's.
    proven: bool


class ParkedCase(msgspec.Struct, frozen=True):
    """What the register gives back so that a parked case can go on."""

    id: str
    person: str
    receipt_hash: str
    body: bytes
    sealed_phone: bytes
    phone_hash: str
    number: str
    history: tuple[Step, ...]
    accepted_at_ms: int
    # An official has said that the phone is the person's.
    upheld: bool = False


class ReadmitOutcome(IntEnum):
    IN = 0
    FULL = 1
    REPLACED = 2
    ENDED = 3


async def take(store: Store, programme: str, application_id: str) -> TakenCase | None:
    """None when there is nothing to do: the case has ended, or is not there."""
    reply = await store.call("take", programme, id=application_id)
    if not reply:
        return None
    fence, takes, state, person, receipt, body, sealed_phone, phone, number, history, *rest = reply
    accepted, now, trace, proven = rest
    return TakenCase(
        fence,
        takes,
        State(state.decode()),
        person.decode(),
        receipt.decode(),
        body,
        sealed_phone,
        phone.decode(),
        number.decode() or None,
        parse_history(history),
        accepted,
        now,
        trace.decode(),
        bool(proven),
    )


async def advance(
    store: Store,
    programme: str,
    application_id: str,
    fence: int,
    arrow: tuple[State, State],
    number: str = "",
) -> tuple[Step, ...]:
    """Move a case along one arrow (from, to) and return its history; raises StaleToken."""
    came_from, goes_to = arrow
    reply = await store.call(
        "advance",
        programme,
        id=application_id,
        fence=fence,
        **{"from": came_from.value},
        to=goes_to.value,
        number=number,
    )
    if reply[0] != 0:
        raise StaleToken(application_id)
    return parse_history(reply[1])


async def prove(store: Store, programme: str, application_id: str, fence: int) -> None:
    """Note that the phone is the person's; raises StaleToken."""
    reply = await store.call("prove", programme, id=application_id, fence=fence)
    if reply[0] != 0:
        raise StaleToken(application_id)


async def finish(
    store: Store,
    programme: str,
    application_id: str,
    fence: int,
    state: State,
    kept_ms: int,
    *,
    in_doubt: bool = False,
) -> tuple[Step, ...]:
    """End a case's stay in Redis and free its slot; raises StaleToken.

    `in_doubt`: the phone is not known to be the person's, so that another of that person may go ahead.
    """
    marker = Marker.DOUBT if in_doubt else Marker.FORGET if state is State.REFUSED else Marker.KEEP
    reply = await store.call(
        "finish",
        programme,
        id=application_id,
        fence=fence,
        state=state.value,
        marker=marker.value,
        kept_ms=kept_ms,
    )
    if reply[0] != 0:
        raise StaleToken(application_id)
    return parse_history(reply[1])


async def give_back(store: Store, programme: str, application_id: str, fence: int) -> None:
    """Note that a case waits for a system that is away, so that this try does not count against it."""
    await store.call("give_back", programme, id=application_id, fence=fence)


async def readmit(
    store: Store, programme: str, parked: ParkedCase, limit_seed: int
) -> tuple[ReadmitOutcome, int]:
    """Let a parked case in again if there is room; the outcome and, when in, the time (epoch ms)."""
    reply = await store.call(
        "readmit",
        programme,
        id=parked.id,
        limit_seed=limit_seed,
        person=parked.person,
        receipt_hash=parked.receipt_hash,
        body=parked.body,
        sealed_phone=parked.sealed_phone,
        phone_hash=parked.phone_hash,
        number=parked.number,
        history=history_text(parked.history),
        accepted_ms=parked.accepted_at_ms,
        upheld=int(parked.upheld),
        job_id=job_id(parked.id),
        payload=job_payload(PROCESS_CASE, parked.id),
        job_ttl_ms=JOB_TTL_MS,
    )
    return ReadmitOutcome(reply[0]), reply[1] if len(reply) > 1 else 0


async def decided(store: Store, programme: str, application_id: str, person: str, *, denied: bool) -> None:
    """Queue the notice of a decision; whoever was denied may apply again."""
    await store.call(
        "decided",
        programme,
        id=application_id,
        person=person,
        forget_person=int(denied),
        job_id=job_id(application_id),
        payload=job_payload(SEND_NOTICE, application_id),
        job_ttl_ms=JOB_TTL_MS,
    )


async def stale_cases(store: Store, programme: str, untouched_ms: int, most: int) -> list[str]:
    """Accepted cases that nothing has touched for a while, oldest first."""
    reply = await store.call("stale", programme, untouched_ms=untouched_ms, most=most)
    return [one.decode() for one in reply]


async def requeue(store: Store, programme: str, application_id: str) -> bool:
    """Queue a case's job again if nothing of it is left; True when that was needed."""
    reply = await store.call(
        "requeue",
        programme,
        id=application_id,
        job_id=job_id(application_id),
        payload=job_payload(PROCESS_CASE, application_id),
        job_ttl_ms=JOB_TTL_MS,
    )
    return bool(reply[0] == 0)


async def sweep(store: Store, programme: str, kept_ms: int) -> int:
    """Lapse what is due; how many it was (bounded a call)."""
    reply = await store.call("sweep", programme, kept_ms=kept_ms)
    return int(reply[0])
