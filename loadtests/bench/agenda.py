"""What is to be done at which moment. Who is late is told when it should have been."""

import asyncio
import heapq
import random
import time
from collections.abc import Callable
from itertools import count

# The clock of the event loop ticks in milliseconds; what is due within one is done together.
_TICK_SECONDS = 0.001

# Gets the moment that was planned.
Deed = Callable[[float], None]


class Agenda:
    """Moments are those of `time.perf_counter`."""

    def __init__(self) -> None:
        self._deeds: list[tuple[float, int, Deed]] = []
        # Deeds cannot be compared: of two at the same moment the one that was added first comes first.
        self._order = count()

    def add(self, at: float, deed: Deed) -> None:
        heapq.heappush(self._deeds, (at, next(self._order), deed))

    async def follow(self, until: float) -> None:
        """Do all that is planned before `until`, what is added meanwhile too; the rest is never done."""
        while (now := time.perf_counter()) < until:
            while self._deeds and self._deeds[0][0] <= now:
                at, _, deed = heapq.heappop(self._deeds)
                deed(at)
            await asyncio.sleep(_TICK_SECONDS)


def plan_arrivals(per_second: float, seconds: float, seed: int = 0) -> list[float]:
    """Return seconds from the start, in order. People come independently of each other: a Poisson process."""
    chance = random.Random(seed)  # noqa: S311 - made-up people.
    arrivals, at = [], chance.expovariate(per_second)
    while at < seconds:
        arrivals.append(at)
        at += chance.expovariate(per_second)
    return arrivals
