"""People in a line, second by second on a simulated clock: what they do, and what they see of it."""

import random
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import count

import msgspec

from gateway.domain.tickets import Place
from gateway.inflight.admission import MOST_PER_CALL, Admission, Admitted, Full, admit
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store, door_key
from gateway.inflight.waiting import DEFAULT_ROOM, Stand, stand
from loadtests.bench.http_measure import NotAsExpected
from loadtests.bench.redis_applications import PROGRAMME, application, rules, with_ticket

TICK_MS = 1_000
# Who is called within the same second shares the window, so that the first of them has this much.
LONGEST_WINDOW_MS = DEFAULT_ROOM.claim_window_ms + 1_000

NEVER_COME, COME_LATE = 0.10, 0.05
# From the call to coming: of those who look when they are told to, and of those who looked away.
_IN_TIME_MS = (1_000, 5_000)
_LATE_MS = (LONGEST_WINDOW_MS + TICK_MS, 90_000)

# While the machine's clock was last seen so late, the functions add nothing to the service clock.
_FUTURE_MS = 9_000_000_000_000_000

_CODE = PROGRAMME.code


class Waiting(msgspec.Struct):
    """Somebody with a ticket; `delay_ms` is from the call to coming, None for never.

    `kept_ms`: for how long a slot was kept at most, if its window ended unused. All on the service clock.
    """

    application: Admission
    place: Place
    delay_ms: int | None
    called_at_ms: int = 0
    window_ends_ms: int = 0
    kept_ms: int = 0


class Crowd:
    def __init__(self, store: Store, slots: int, held_ms: int) -> None:
        self._store, self._slots, self._rules = store, slots, rules(slots, held_ms)
        self._chance = random.Random(2020)  # noqa: S311 - the same people in each run.
        self._called = (0, 0)
        self._waiting: list[Waiting] = []
        self._in_window: list[Waiting] = []
        # By the time of coming; the second number tells those of one moment apart.
        self._coming: list[tuple[int, int, Waiting]] = []
        self._serial = count()
        # All tickets, in the order in which they were given.
        self.tickets: list[Waiting] = []
        self.served = 0
        self.live_while_waiting: list[int] = []

    async def arrive(self, people: int) -> None:
        await self._send([(application(n), self._draw_delay_ms()) for n in range(people)])

    async def pass_seconds(self, most: int) -> None:
        """Stop sooner when everybody who comes has a slot, and every window is over."""
        start_ms = (await self._tick()).service_ms
        for second in range(1, most):
            clock = {"svc": start_ms + second * TICK_MS, "raw": _FUTURE_MS}
            await self._store.redis.hset(door_key(_CODE), mapping=clock)  # type: ignore[misc]  # redis-py types one method for sync and async.
            summary = await self._tick()
            if summary.waiting:
                self.live_while_waiting.append(summary.live)
            self._poll(summary)
            await self._come(summary.service_ms)
            if not (self._waiting or self._in_window or self._coming):
                return

    async def _tick(self) -> Summary:
        return await tick(self._store, _CODE, self._slots, KEPT_MS)

    def _draw_delay_ms(self) -> int | None:
        kind = self._chance.random()
        if kind < NEVER_COME:
            return None
        return self._chance.randrange(*(_LATE_MS if kind < NEVER_COME + COME_LATE else _IN_TIME_MS))

    async def _send(self, people: Sequence[tuple[Admission, int | None]]) -> None:
        """Whoever finds no slot has a ticket, and will come after as long as is said here."""
        for at in range(0, len(people), MOST_PER_CALL):
            batch = people[at : at + MOST_PER_CALL]
            decisions = await admit(self._store, _CODE, self._rules, [one for one, _ in batch])
            for (one, delay_ms), decision in zip(batch, decisions, strict=True):
                match decision:
                    case Admitted():
                        self.served += 1
                    case Full(place):
                        self.tickets.append(Waiting(with_ticket(one, place), place, delay_ms))
                        self._waiting.append(self.tickets[-1])
                    case _:
                        raise NotAsExpected(f"the line: {type(decision).__name__}")

    def _poll(self, summary: Summary) -> None:
        """Let everybody look, by the arithmetic that the gateway answers with."""
        called = summary.line.called, summary.front_row.called
        if called != self._called:
            # Else all who wait would see what they saw a second ago.
            self._called = called
            self._waiting = [one for one in self._waiting if not self._is_called(one, summary)]
        self._in_window = [one for one in self._in_window if not self._is_over(one, summary)]

    def _is_called(self, one: Waiting, summary: Summary) -> bool:
        standing = stand(one.place, summary.line, summary.front_row)
        if standing is None or standing.claim_before_ms is None:
            return False
        one.called_at_ms, one.window_ends_ms = summary.service_ms, standing.claim_before_ms
        self._in_window.append(one)
        if one.delay_ms is not None:
            heappush(self._coming, (summary.service_ms + one.delay_ms, next(self._serial), one))
        return True

    def _is_over(self, one: Waiting, summary: Summary) -> bool:
        standing = stand(one.place, summary.line, summary.front_row)
        if standing is None:
            one.kept_ms = summary.service_ms - one.window_ends_ms + LONGEST_WINDOW_MS
        return standing is None or standing.state is Stand.CLAIMED

    async def _come(self, service_ms: int) -> None:
        due = []
        while self._coming and self._coming[0][0] <= service_ms:
            due.append(heappop(self._coming)[-1])
        # Whoever came late and is sent to the front row looks more often from then on.
        await self._send([(one.application, self._chance.randrange(*_IN_TIME_MS)) for one in due])
