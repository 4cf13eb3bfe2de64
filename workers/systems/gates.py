"""The way of a worker's calls to a state system: so many at once, few repeats, and none while it is down."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from gateway.inflight import jobs
from gateway.inflight.breakers import Breaker, Report
from workers.systems.budget import Budget
from workers.systems.errors import (
    SMS_PROVIDERS,
    NotAsked,
    StaleToken,
    System,
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
)
from workers.systems.metrics import held

# Three quarters of the jobs of a worker: one system that hangs leaves the rest to those who do not need it.
MOST_CALLS = 24

# A crowd that starts together waits this long for a place, unless no call has ended for as long: then the
# system hangs, and whoever waits keeps those out who do not need it.
PLACE_SECONDS = 0.25

# The breaker leaves a system alone for this long at most, whatever it asks for; a case waits as it was told.
MOST_HOLD_SECONDS = 60.0


class Gate:
    """`strict`: answers that nobody can read, and those after `slow_seconds`, are as bad as none.

    For a system in whose place there is another one.
    """

    def __init__(
        self,
        system: System,
        *,
        strict: bool = False,
        slow_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.system = system
        self.state = Breaker.CLOSED
        self._strict, self._slow_seconds, self._clock = strict, slow_seconds, clock
        self._places = asyncio.Semaphore(MOST_CALLS)
        self._budget = Budget(clock)
        self._good, self._bad, self._hold_seconds = 0, 0, 0.0
        # Calls that began under another state of the breaker say nothing of this one.
        self._era = 0
        self._is_probing = False
        self._ended_at = clock()

    @asynccontextmanager
    async def passing(self, *, is_repeat: bool) -> AsyncIterator[None]:
        """Let one call through, and learn from how it ends. Raises NotAsked, with no call made."""
        self._check(is_repeat=is_repeat)
        with self._probing():
            await self._take_place()
            try:
                self._budget.note_call(is_repeat=is_repeat)
                with self._watching():
                    yield
            finally:
                self._ended_at = self._clock()
                self._places.release()

    def report(self) -> Report:
        """Tell what was seen since the last report, and forget it."""
        queue = jobs.SMS_QUEUE if self.system in SMS_PROVIDERS else jobs.CASES_QUEUE
        hold_ms = round(self._hold_seconds * 1000)
        told = Report(self.system, queue, self.state, self._good, self._bad, hold_ms)
        self._good, self._bad, self._hold_seconds = 0, 0, 0.0
        return told

    def turn(self, state: Breaker) -> None:
        """Do from now on as all workers do."""
        if state is not self.state:
            self.state = state
            self._era += 1
            self._good, self._bad, self._hold_seconds = 0, 0, 0.0
            self._is_probing = False
            self._budget.forget()

    def _check(self, *, is_repeat: bool) -> None:
        if self.state is Breaker.OPEN or (self.state is Breaker.HALF_OPEN and self._is_probing):
            raise self._held(UnavailableReason.BREAKER_OPEN)
        if self.state is Breaker.CLOSED and is_repeat and not self._budget.may_repeat():
            raise self._held(UnavailableReason.BUDGET_SPENT)

    async def _take_place(self) -> None:
        if self._places.locked() and self._clock() - self._ended_at > PLACE_SECONDS:
            raise self._held(UnavailableReason.NO_PLACE)
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise self._held(UnavailableReason.NO_PLACE) from None

    @contextmanager
    def _probing(self) -> Iterator[None]:
        """One at a time while the breaker is half open."""
        era, self._is_probing = self._era, self.state is Breaker.HALF_OPEN
        try:
            yield
        finally:
            if era == self._era:
                self._is_probing = False

    @contextmanager
    def _watching(self) -> Iterator[None]:
        era, began_at = self._era, self._clock()
        try:
            yield
        except SystemUnavailable as away:
            self._note(era, is_good=False, hold_seconds=away.retry_after_seconds or 0.0)
            self._budget.note_failed()
            raise
        except SystemAnsweredWrong as wrong:
            # Each case has its own bound for answers that nobody can read; they are no reason to ask no more.
            self._note(era, is_good=wrong.is_readable or not self._strict)
            if not wrong.is_readable:
                self._budget.note_failed()
            raise
        except StaleToken:
            self._note(era, is_good=True)
            raise
        is_slow = self._slow_seconds is not None and self._clock() - began_at > self._slow_seconds
        self._note(era, is_good=not is_slow)

    def _note(self, era: int, *, is_good: bool, hold_seconds: float = 0.0) -> None:
        if era == self._era:
            self._good += is_good
            self._bad += not is_good
            self._hold_seconds = max(self._hold_seconds, min(hold_seconds, MOST_HOLD_SECONDS))

    def _held(self, reason: UnavailableReason) -> NotAsked:
        held(self.system, reason).add()
        return NotAsked(self.system, reason)


class Gates:
    """The gates of a programme. `alone` is for a case that is suspected of killing workers.

    `silent`: SMS providers whose codes do not come back. With a second one, a provider that answers what
    nobody can read, or after `slow_seconds`, is as good as away.
    """

    def __init__(self, *, slow_seconds: float, has_second_sms: bool) -> None:
        self._gates: dict[System, Gate] = {system: Gate(system) for system in System}
        if has_second_sms:
            for system in SMS_PROVIDERS:
                self._gates[system] = Gate(system, strict=True, slow_seconds=slow_seconds)
        else:
            del self._gates[System.SMS_SECOND]
        self.silent: frozenset[System] = frozenset()
        self.alone = asyncio.Lock()

    def __getitem__(self, system: System) -> Gate:
        return self._gates[system]

    def __iter__(self) -> Iterator[Gate]:
        return iter(self._gates.values())

    def report(self) -> list[Report]:
        return [gate.report() for gate in self._gates.values()]

    def turn(self, states: Sequence[Breaker]) -> None:
        """Take over the states in the order of the reports."""
        for gate, state in zip(self._gates.values(), states, strict=True):
            gate.turn(state)
