"""People who send the same application until somebody answers, through a store and without the gateway."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from itertools import pairwise

from gateway.inflight.admission import Admission, Admitted, admit
from gateway.inflight.status import known_cases
from gateway.inflight.store import Store, StoreUnavailable
from loadtests.bench.redis_applications import application, rules
from loadtests.chaos.admitting import CODE
from loadtests.chaos.meanwhile import meanwhile

# More than any row lets in: these rows are about what is kept, not about who gets in.
_SLOTS = 500_000

_PAUSE_SECONDS = 0.1
_PIECE = 1_000
_PATIENCE_SECONDS = 30.0


class Knocking:
    """`answered`: id → time.monotonic() of the answer; `refused` counts what was said instead of one."""

    def __init__(self, store: Store, first: int = 0) -> None:
        self.answered: dict[str, float] = {}
        self.refused: Counter[str] = Counter()
        self._store, self._next = store, first

    async def knock(self, at_once: int = 16) -> None:
        """Go on until cancelled; whoever is answered is followed by somebody else."""
        await asyncio.gather(*(self._keep() for _ in range(at_once)))

    async def until_answered(self, count: int) -> None:
        while len(self.answered) < count:  # noqa: ASYNC110 - Counted by whoever is at it.
            await asyncio.sleep(_PAUSE_SECONDS)

    def since(self, moment: float) -> int:
        return sum(at > moment for at in self.answered.values())

    def outage_seconds(self) -> float:
        """The longest time without an answer."""
        times = sorted(self.answered.values())
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)

    async def _keep(self) -> None:
        while True:
            self._next += 1
            await self._insist(application(self._next))

    async def _insist(self, one: Admission) -> None:
        while True:
            try:
                (decision,) = await admit(self._store, CODE, rules(_SLOTS), [one])
            except StoreUnavailable as error:
                self.refused[str(error)] += 1
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if not isinstance(decision, Admitted):
                raise TypeError(f"answered with {decision}")
            self.answered[one.id] = time.monotonic()
            return


@asynccontextmanager
async def knocking(store: Store, at_once: int = 16, first: int = 0) -> AsyncIterator[Knocking]:
    """Let people knock beside the block."""
    people = Knocking(store, first)
    async with meanwhile(people.knock(at_once)):
        yield people


async def missing(store: Store, ids: Collection[str]) -> set[str]:
    """Which of these have no record, once the store answers again."""
    asked, found = list(ids), set[str]()
    for start in range(0, len(asked), _PIECE):
        found |= await _known(store, asked[start : start + _PIECE])
    return set(asked) - found


async def _known(store: Store, ids: list[str]) -> set[str]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await known_cases(store, CODE, ids)
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
