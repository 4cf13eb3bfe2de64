"""The door at a clock that stands still between two calls, and those who knock at it."""

import itertools

from gateway.inflight.admission import MOST_PER_CALL, Admission, Decision, admit
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store
from gateway.inflight.waiting import RoomRules
from tests.integration.inflight.people import KEPT_MS, PROGRAMME, admission_rules, application

DOOR = f"{{{PROGRAMME}}}:door"
# Beyond any clock: the next call finds that no time has passed, as after a step backwards.
FAR_MS = 9 * 10**15
SECOND_MS, HOUR_MS, DAY_MS = 1000, 3_600_000, 86_400_000
# More than anybody here takes.
SLOTS = 100_000
# Three at once, then one a second.
THREE = "3:3000:0"

serial = itertools.count()


async def set_clock(store: Store, clock: str, at_ms: int) -> None:
    await store.redis.hset(DOOR, clock, str(at_ms))  # type: ignore[misc]  # redis-py types one method for sync and async.


async def later(store: Store, milliseconds: int, clock: str = "run") -> None:
    await store.redis.hincrby(DOOR, clock, milliseconds)  # type: ignore[misc]  # As above.


async def stand_still(store: Store) -> None:
    await set_clock(store, "raw", FAR_MS)


async def knock(store: Store, *applications: Admission, **limits: str) -> list[Decision]:
    rules, decisions = admission_rules(SLOTS, candidates=SLOTS, **limits), []
    for start in range(0, len(applications), MOST_PER_CALL):
        await stand_still(store)
        batch = applications[start : start + MOST_PER_CALL]
        decisions += await admit(store, PROGRAMME, rules, batch)
    return decisions


async def refresh(store: Store, inlet: int) -> Summary:
    await stand_still(store)
    room = RoomRules(20_000, 120_000, calls_per_second=1000, inlet_per_second=inlet)
    return await tick(store, PROGRAMME, SLOTS, KEPT_MS, room)


def newcomers(count: int) -> list[Admission]:
    return [application(f"person {next(serial)}") for _ in range(count)]
