"""What whoever waits does at the door, and the time that passes meanwhile."""

from gateway.domain.tickets import Place
from gateway.inflight.admission import Admission, Decision, Full
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store
from gateway.inflight.waiting import RoomRules
from tests.integration.inflight.people import KEPT_MS, PROGRAMME, application, apply, with_ticket

ROOM = RoomRules(claim_window_ms=20_000, front_row_window_ms=120_000, calls_per_second=1_000)
DOOR = f"{{{PROGRAMME}}}:door"


async def queue(store: Store, person: str, limit: int = 1) -> tuple[Admission, Place]:
    one = application(person)
    decision = await apply(store, one, limit)
    assert isinstance(decision, Full), decision
    return one, decision.place


async def come(store: Store, person: str, place: Place, limit: int = 1) -> Decision:
    return await apply(store, with_ticket(application(person), place), limit)


async def pass_ms(store: Store, ms: int) -> Summary:
    await tick(store, PROGRAMME, 1, KEPT_MS, ROOM)
    await store.redis.hincrby(DOOR, "svc", ms)  # type: ignore[misc]  # redis-py types one method for sync and async.
    return await tick(store, PROGRAMME, 1, KEPT_MS, ROOM)


async def set_limit(store: Store, limit: int) -> None:
    await store.redis.hset(DOOR, "limit", str(limit))  # type: ignore[misc]  # As above.
