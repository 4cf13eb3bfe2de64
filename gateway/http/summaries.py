"""A programme in figures, refreshed once a second by each process and served from memory."""

import asyncio
import time
from collections import deque

import structlog

from gateway.http.eta import MOST_SAMPLES, Sample, Speed, add_sample, measure
from gateway.http.promises import Promises
from gateway.http.refusals import Unavailable
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store, StoreUnavailable
from gateway.inflight.waiting import RoomRules

# The refresh also moves the service clock, which takes a gap of more than three seconds for an outage.
REFRESH_SECONDS = 1.0

# Older figures would mislead: by then Redis has missed several refreshes.
STALE_AFTER_SECONDS = 5.0

_log = structlog.get_logger()


class SummaryKeeper:
    def __init__(self, store: Store, programme: str, limit_seed: int, room: RoomRules) -> None:
        self._store, self._programme, self._limit_seed, self._room = store, programme, limit_seed, room
        self._summary: Summary | None = None
        self._samples = deque[Sample](maxlen=MOST_SAMPLES)
        self._speed: Speed | None = None
        self._promises = Promises(programme)
        self._refreshed_at = 0.0
        self._is_away = False

    def current(self) -> Summary:
        """Raise Unavailable when there are no figures, or only old ones."""
        if self._summary is None or self.age_seconds() > STALE_AFTER_SECONDS:
            raise Unavailable
        return self._summary

    @property
    def latest(self) -> Summary | None:
        """The last figures, however old they are."""
        return self._summary

    @property
    def speed(self) -> Speed | None:
        """How fast the line is called; None until it was measured."""
        return self._speed

    def age_seconds(self) -> float:
        return time.monotonic() - self._refreshed_at

    async def refresh(self) -> None:
        """Tick once. An outage is logged when it begins and when it ends, not every second."""
        asked_at = time.monotonic()
        try:
            summary = await tick(self._store, self._programme, self._limit_seed, KEPT_MS, self._room)
        except StoreUnavailable as error:
            if not self._is_away:
                _log.warning("store_away", programme=self._programme, reason=str(error))
            self._is_away = True
            return
        if self._is_away:
            _log.info("store_back", programme=self._programme)
        self._measure(summary)
        self._is_away, self._summary, self._refreshed_at = False, summary, asked_at

    def _measure(self, summary: Summary) -> None:
        if self._summary is not None and self._summary.epoch != summary.epoch:
            # Another line: what was called of the one before says nothing about it.
            self._samples.clear()
            self._promises.forget()
        add_sample(self._samples, Sample(summary.service_ms, summary.line.called), summary.line.waiting)
        self._speed = measure(self._samples)
        self._promises.watch(summary, self._speed)

    async def keep(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - Nothing unforeseen may end the clock of the leases.
                _log.error("refresh_failed", programme=self._programme, exc_info=error)
            await asyncio.sleep(REFRESH_SECONDS)
