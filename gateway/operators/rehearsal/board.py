"""What the gateways know of the line, and when somebody who asks as told to hears of being called."""

import asyncio
import random
from heapq import heappop, heappush
from itertools import count

from gateway.domain.tickets import Place
from gateway.http.eta import poll_after_ms
from gateway.inflight.status import Summary
from gateway.operators.rehearsal.clock import RehearsedLoop, to_moment

# Each gateway refreshes what it knows once a second (SummaryKeeper).
TICK_MS = 1_000


class Board:
    """Keeps a summary of every second.

    Whoever waits is woken when called. Only then are the polls made up that were asked meanwhile: they cost
    no call to Redis, and change nothing but the moment at which somebody hears of being called.
    """

    def __init__(self, loop: RehearsedLoop, calls_per_second: int, rng: random.Random) -> None:
        self._loop, self._calls_per_second, self._rng = loop, calls_per_second, rng
        self._began_ms = 0
        # By second and lane.
        self._called: tuple[list[int], list[int]] = ([], [])
        self._front_waiting: list[int] = []
        self._waiting: tuple[list[_Waiting], list[_Waiting]] = ([], [])
        self._order = count()
        self.limit = self.most_live = self.most_waiting = 0
        self.last_busy_ms = 0
        self.is_busy = False

    def note(self, summary: Summary) -> None:
        """Take the summary of a second; seconds follow each other without a gap."""
        if not self._front_waiting:
            self._began_ms = self._loop.now_ms
        for lane, figures in enumerate((summary.line, summary.front_row)):
            self._called[lane].append(figures.called)
            while self._waiting[lane] and self._waiting[lane][0][0] <= figures.called:
                _, _, woken = heappop(self._waiting[lane])
                if not woken.done():
                    woken.set_result(None)
        self._front_waiting.append(summary.front_row.waiting)
        self.limit, self.most_live = summary.limit, summary.high
        self.most_waiting = max(self.most_waiting, summary.waiting)
        self.is_busy = bool(summary.live or summary.waiting)
        if self.is_busy:
            self.last_busy_ms = self._loop.now_ms

    async def turn(self, place: Place, pause_ms: int) -> None:
        """Return when somebody who was told to ask again after `pause_ms` hears of being called."""
        ask_at_ms = self._loop.now_ms + pause_ms
        if self._called[place.lane][-1] < place.number:
            woken: asyncio.Future[None] = self._loop.create_future()
            heappush(self._waiting[place.lane], (place.number, next(self._order), woken))
            await woken
        called_at_ms = self._loop.now_ms
        while ask_at_ms < called_at_ms:
            ask_at_ms += self.pause_ms(self._position(place, ask_at_ms))
        await asyncio.sleep(to_moment(ask_at_ms - called_at_ms) / 1000)

    def pause_ms(self, position: int) -> int:
        return poll_after_ms(position, self._calls_per_second, self._rng.random() if position else 0.0)

    def _position(self, place: Place, at_ms: int) -> int:
        second = (at_ms - self._began_ms) // TICK_MS
        before = 0 if place.lane else self._front_waiting[second]
        return max(place.number - self._called[place.lane][second], 0) + before


_Waiting = tuple[int, int, "asyncio.Future[None]"]
