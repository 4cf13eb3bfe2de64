"""Cases through the functions themselves, without the gateway: what rows about slots work with."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from gateway.inflight.admission import MOST_PER_CALL, Admission, AdmissionRules, Admitted, Decision, admit
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store
from loadtests.aof import read_steps, recompute_live
from loadtests.bench.redis_applications import PROGRAMME, application
from loadtests.bench.redis_in_flight import accept

CODE = PROGRAMME.code

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


async def beat(store: Store, slots: int, seconds: float) -> Summary:
    """Tick as a gateway does: the service clock runs only while somebody serves. Return the last summary."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        summary = await tick(store, CODE, slots, KEPT_MS)
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return summary
        await asyncio.sleep(min(left, 0.1))


def occupied(aof: Path, programme: str = CODE) -> Occupied:
    """Recompute from the append-only file, write by write, who was in. It must never have been rewritten."""
    steps = list(recompute_live(read_steps(aof), programme))
    return Occupied(max((one.live for one in steps), default=0), sum(one.is_over for one in steps))
