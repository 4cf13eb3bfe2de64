"""Cases through the functions themselves, without the gateway: what rows about slots work with."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from gateway.inflight.admission import MOST_PER_CALL, Admission, AdmissionRules, Admitted, Decision, admit
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store, door_key
from loadtests.aof import read_steps, recompute_live
from loadtests.bench.redis_applications import PROGRAMME, application
from loadtests.bench.redis_in_flight import accept

CODE = PROGRAMME.code

# When the machine's clock was last seen so late, the next call adds nothing to the service clock.
_FUTURE_MS = 9_000_000_000_000_000

# Whoever confirms does so alone; so many at once keep Redis busy.
_AT_ONCE = 16


class Occupied(Struct, frozen=True):
    """What the file says of the slots: most ever live, and how many entered above the limit in force."""

    most: int
    over: int


async def let_in(store: Store, rules: AdmissionRules, people: Sequence[Admission]) -> list[Decision]:
    decisions: list[Decision] = []
    for at in range(0, len(people), MOST_PER_CALL):
        decisions += await admit(store, CODE, rules, people[at : at + MOST_PER_CALL])
    return decisions


async def accept_all(store: Store, people: Iterable[tuple[int, Admission]]) -> None:
    """Give phone and code for each. Raises NotAsExpected when one of them is refused."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(n: int, case: Admission) -> None:
        async with gate:
            await accept(store, case, n)

    await asyncio.gather(*(one(n, case) for n, case in people))


def newcomers(first: int, count: int) -> list[Admission]:
    return [application(n) for n in range(first, first + count)]


def admitted(decisions: Iterable[Decision]) -> int:
    return sum(isinstance(decision, Admitted) for decision in decisions)


class Clock:
    """The service clock, moved on by minutes: what a busy machine takes for a call is nothing to them."""

    def __init__(self, store: Store, slots: int) -> None:
        self._store, self._slots = store, slots
        self._service_ms = 0

    async def start(self) -> None:
        self._service_ms = (await self._tick()).service_ms
        await self.move(0)

    async def move(self, seconds: float) -> Summary:
        """Tick as a gateway does, so much later."""
        self._service_ms += int(seconds * 1000)
        clock = {"svc": self._service_ms, "raw": _FUTURE_MS}
        await self._store.redis.hset(door_key(CODE), mapping=clock)  # type: ignore[misc]  # redis-py types one method for sync and async.
        return await self._tick()

    async def _tick(self) -> Summary:
        return await tick(self._store, CODE, self._slots, KEPT_MS)


def occupied(aof: Path, programme: str = CODE) -> Occupied:
    """Recompute from the append-only file, write by write, who was in. It must never have been rewritten."""
    steps = list(recompute_live(read_steps(aof), programme))
    return Occupied(max((one.live for one in steps), default=0), sum(one.is_over for one in steps))
