"""Admission: one Redis call decides for all applications that arrive in one turn of the event loop."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from gateway.domain.tickets import Place
from gateway.inflight.metrics import batch_sizes
from gateway.inflight.store import Store

# A longer batch would hold up everybody else in Redis; each is checked and written as one.
MOST_PER_CALL = 32

# While these are on their way, what arrives gathers, so that a Redis under load gets fewer and fuller calls.
MOST_CALLS = 4


class AdmissionRules(msgspec.Struct, frozen=True):
    """What a programme's file says about its slots; limits as `limit_text` writes them."""

    limit_seed: int
    lease_before_phone_ms: int
    unconfirmed_share_percent: int
    candidates: int
    address_limit: str
    person_limit: str


class Admission(msgspec.Struct, frozen=True):
    """One application as it goes to Redis: keyed hashes and sealed bytes only."""

    id: str
    address: str
    person: str
    proof: str
    receipt_hash: str
    body: bytes
    idempotency: str
    digest: str
    sealed_receipt: bytes
    # The place that a ticket names, or empty texts.
    lane: str = ""
    number: str = ""
    again: str = ""
    epoch: str = ""
    # How the worker continues the trace of this request (W3C traceparent); mostly there is none.
    trace: str = ""


class Admitted(msgspec.Struct, frozen=True):
    expires_at_ms: int


class Repeated(msgspec.Struct, frozen=True):
    """The idempotency key was used with the same body: the first answer, to be given again."""

    id: str
    sealed_receipt: bytes
    expires_at_ms: int


class IdempotencyConflict(msgspec.Struct, frozen=True):
    pass


class Full(msgspec.Struct, frozen=True):
    """The slots are taken; `place` is the person's in the line, `position` how many are before."""

    place: Place
    position: int


class TicketInvalid(msgspec.Struct, frozen=True):
    pass


class TicketNotCalled(msgspec.Struct, frozen=True):
    position: int


class TicketMissed(msgspec.Struct, frozen=True):
    pass


class OverLimit(msgspec.Struct, frozen=True):
    """`limit`: the name of the one that decided, "address" or "person"."""

    limit: str
    retry_after_ms: int


class Closed(msgspec.Struct, frozen=True):
    """Nobody is let in or given a ticket for now; who has a place keeps it."""


class TooManyCandidates(msgspec.Struct, frozen=True):
    retry_after_ms: int


Decision = (
    Admitted
    | Repeated
    | IdempotencyConflict
    | Full
    | TooManyCandidates
    | TicketInvalid
    | TicketNotCalled
    | TicketMissed
    | OverLimit
    | Closed
)


def _decision(reply: Sequence[Any]) -> Decision:  # noqa: C901, PLR0911 - One line for each answer.
    match reply:
        case [0, expires]:
            return Admitted(expires)
        case [1, known, sealed, expires]:
            return Repeated(known.decode(), sealed, expires)
        case [2]:
            return IdempotencyConflict()
        case [3, lane, number, again, position, epoch]:
            return Full(Place(lane, number, bool(again), int(epoch)), position)
        case [4, retry_after_ms]:
            return TooManyCandidates(retry_after_ms)
        case [5]:
            return TicketInvalid()
        case [6, position]:
            return TicketNotCalled(position)
        case [7]:
            return TicketMissed()
        case [8, limit, retry_after_ms]:
            return OverLimit(limit.decode(), retry_after_ms)
        case [9]:
            return Closed()
    raise ValueError("admit answered in a form this version does not know")


async def admit(
    store: Store, programme: str, rules: AdmissionRules, batch: Sequence[Admission]
) -> list[Decision]:
    """Decide on at most MOST_PER_CALL applications in one round trip; raises StoreUnavailable."""
    batch_sizes(programme).add(len(batch))
    items = [value for one in batch for value in msgspec.structs.astuple(one)]
    replies = await store.call("admit", programme, items, **msgspec.structs.asdict(rules))
    return [_decision(reply) for reply in replies]


_Waiting: TypeAlias = tuple[Admission, asyncio.Future[Decision]]


class AdmissionDesk:
    """Gathers what arrives in one turn of the loop and asks Redis once for all of it.

    Each in the order in which they came, whoever holds a ticket goes before newcomers.
    """

    def __init__(self, store: Store, programme: str, rules: AdmissionRules) -> None:
        self._store, self._programme, self._rules = store, programme, rules
        self._called = deque[_Waiting]()
        self._newcomers = deque[_Waiting]()
        self._calls: set[asyncio.Task[None]] = set()

    async def admit(self, application: Admission) -> Decision:
        """Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        decision: asyncio.Future[Decision] = loop.create_future()
        if not self._called and not self._newcomers:
            loop.call_soon(self._send)
        (self._called if application.lane else self._newcomers).append((application, decision))
        return await decision

    def _send(self) -> None:
        while (self._called or self._newcomers) and len(self._calls) < MOST_CALLS:
            batch: list[_Waiting] = []
            for queue in (self._called, self._newcomers):
                while queue and len(batch) < MOST_PER_CALL:
                    batch.append(queue.popleft())
            call = asyncio.create_task(self._decide(batch))
            self._calls.add(call)
            call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._send()

    async def _decide(self, batch: list[_Waiting]) -> None:
        try:
            decisions = await admit(self._store, self._programme, self._rules, [one for one, _ in batch])
        except Exception as error:  # noqa: BLE001 - Whatever failed, every waiting caller must hear of it.
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), decision in zip(batch, decisions, strict=True):
            if not future.done():
                future.set_result(decision)
