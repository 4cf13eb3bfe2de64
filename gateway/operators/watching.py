"""A programme is looked at once a second by one task, for everybody who watches."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from gateway.http.eta import MOST_SAMPLES, NO_ETA, Eta, estimate, measure
from gateway.http.eta import Sample as Called
from gateway.inflight.breakers import read_breakers
from gateway.inflight.figures import Figures, read_figures
from gateway.inflight.missed import read_missed
from gateway.inflight.store import Store, StoreUnavailable
from gateway.operators.desk import now_ms
from gateway.operators.sampling import Reading, Sample, take_sample, waiting_of
from gateway.operators.states import State, state_of
from gateway.operators.surroundings import Surroundings
from gateway.operators.tallies import Counted, read_counted, without_requests
from gateway.operators.waits import Mark, Waits

EVERY_SECONDS: Final = 1.0

# A quarter of an hour: an operator who comes back from a call sees what happened meanwhile.
KEPT_SAMPLES: Final = 900

# Who is this many events behind reads too slowly to be of use, and starts anew.
MOST_BEHIND: Final = 8

# Far more screens than a control room has; each costs an encoded state a second.
MOST_WATCHERS: Final = 256

_log = structlog.get_logger()

# An event, encoded once for all; None: nothing more comes.
Events = asyncio.Queue[bytes | None]


class Found(Struct, frozen=True):
    """What Redis told of a programme. `figures` is None while it is away or no gateway has served yet."""

    figures: Figures | None = None
    missed: int | None = None
    is_store_up: bool = True
    breakers: Mapping[str, str] = {}


class Watch:
    def __init__(self, programme: str, *, counts_alone: bool) -> None:
        self.programme = programme
        # Gateways count routes, so the counts are a programme's own only where it is alone.
        self._counts_alone = counts_alone
        self._before: Reading | None = None
        self._called = deque[Called](maxlen=MOST_SAMPLES)
        self._waits = Waits()
        self._surroundings = Surroundings()
        self._watchers: set[Events] = set()
        self._is_over = False
        self.samples = deque[Sample](maxlen=KEPT_SAMPLES)
        self.state: State | None = None

    def watch(self) -> Events | None:
        """Return what the events come through, or None when too many watch already."""
        if len(self._watchers) >= MOST_WATCHERS:
            return None
        events = Events(MOST_BEHIND)
        if self._is_over:
            events.put_nowait(None)
            return events
        self._watchers.add(events)
        if self.state is not None:
            events.put_nowait(_event(self.state))
        return events

    def leave(self, events: Events) -> None:
        self._watchers.discard(events)

    def end(self) -> None:
        """Send everybody away, and whoever comes: the process stops."""
        self._is_over = True
        for events in list(self._watchers):
            self._drop(events)

    def take_in(self, at_ms: int, found: Found, counted: Counted) -> None:
        eta, mark = self._follow_line(at_ms, found.figures) if found.figures else (NO_ETA, None)
        now = Reading(
            at_ms,
            self.programme,
            found.figures,
            counted.tallies if self._counts_alone else without_requests(counted.tallies),
            found.missed,
            found.is_store_up,
            eta,
            mark,
            found.breakers,
        )
        sample = take_sample(self._before, now)
        around = self._surroundings.look(self._before, now, counted.alive)
        self._before = now
        self.samples.append(sample)
        self.state = state_of(now, sample, around)
        self._tell(_event(self.state))

    def _follow_line(self, at_ms: int, figures: Figures) -> tuple[Eta, Mark | None]:
        line = figures.line
        if self._called and line.called < self._called[-1].called:
            # Another line: what was called of the one before says nothing about it.
            self._called.clear()
        self._called.append(Called(at_ms, line.called))
        eta = estimate(waiting_of(figures), measure(self._called))
        return eta, self._waits.note(at_ms, line.minted, line.called, eta.seconds)

    def _tell(self, event: bytes) -> None:
        for events in list(self._watchers):
            try:
                events.put_nowait(event)
            except asyncio.QueueFull:
                self._drop(events)

    def _drop(self, events: Events) -> None:
        """Whoever reads on finds the end at once: what was not read is of no use any more."""
        self._watchers.discard(events)
        while not events.empty():
            events.get_nowait()
        events.put_nowait(None)


async def keep_watch(
    watches: Mapping[str, Watch], store: Store, counts_dir: Path, clock: Callable[[], int] = now_ms
) -> None:
    """Look at every programme once a second, until cancelled."""
    while True:
        try:
            await look(watches, store, counts_dir, clock)
        except Exception as error:  # noqa: BLE001 - Nothing unforeseen may leave the operators blind.
            _log.error("watch_failed", exc_info=error)
        await asyncio.sleep(EVERY_SECONDS)


async def look(
    watches: Mapping[str, Watch], store: Store, counts_dir: Path, clock: Callable[[], int] = now_ms
) -> None:
    # At once, so that what is counted and what is taken are of the same moment.
    looking = asyncio.gather(*(_find(store, code) for code in watches))
    counted, found = await asyncio.gather(asyncio.to_thread(read_counted, counts_dir), looking)
    at_ms = clock()
    for watch, one in zip(watches.values(), found, strict=True):
        watch.take_in(at_ms, one, counted)


async def _find(store: Store, programme: str) -> Found:
    try:
        figures = await read_figures(store, programme)
        if figures is None:
            return Found()
        missed = sum((await read_missed(store, programme, figures)).values())
        return Found(figures, missed, breakers=await read_breakers(store, programme))
    except StoreUnavailable:
        return Found(is_store_up=False)


def _event(state: State) -> bytes:
    return b"event: state\ndata: " + msgspec.json.encode(state) + b"\n\n"
