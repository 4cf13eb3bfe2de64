"""A programme in figures, and as it is steered: refreshed about once a second and served from memory."""

import asyncio
import time
from collections import deque

import structlog
from msgspec import UNSET, UnsetType

from gateway.domain.controls import Mode, read_values, steered
from gateway.domain.programme import Programme
from gateway.domain.texts import Language
from gateway.http.eta import MOST_SAMPLES, Sample, Speed, add_sample, measure
from gateway.http.promises import Promises
from gateway.http.refusals import Unavailable
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store, StoreUnavailable
from gateway.inflight.waiting import RoomRules

# Each process tells within a second what an operator has changed, a refresh and a busy loop included. It also
# moves the service clock, which takes a gap of more than three seconds for an outage.
REFRESH_SECONDS = 0.9

# Older figures would mislead: by then Redis has missed several refreshes.
STALE_AFTER_SECONDS = 5.0

_log = structlog.get_logger()


class SummaryKeeper:
    def __init__(self, store: Store, file: Programme, limit_seed: int, room: RoomRules) -> None:
        self._store, self._file, self._limit_seed, self._room = store, file, limit_seed, room
        self._programme = file
        self._summary: Summary | None = None
        self._samples = deque[Sample](maxlen=MOST_SAMPLES)
        self._speed: Speed | None = None
        self._promises = Promises(file.code)
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
    def programme(self) -> Programme:
        """The file, with what operators have set in the place of what it says."""
        return self._programme

    @property
    def mode(self) -> Mode:
        return Mode.OPEN if self._summary is None else self._summary.mode

    def message(self, language: Language) -> str | UnsetType:
        """Why nobody is called now; UNSET while people are."""
        if self._summary is None or self._summary.mode.calls:
            return UNSET
        return self._summary.controls.get(f"message_{language}", UNSET)

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
            summary = await tick(self._store, self._file.code, self._limit_seed, KEPT_MS, self._room)
        except StoreUnavailable as error:
            if not self._is_away:
                _log.warning("store_away", programme=self._file.code, reason=str(error))
            self._is_away = True
            return
        if self._is_away:
            _log.info("store_back", programme=self._file.code)
        self._measure(summary)
        if self._summary is None or self._summary.controls != summary.controls:
            self._programme = steered(self._file, read_values(self._file, summary.controls))
        self._is_away, self._summary, self._refreshed_at = False, summary, asked_at

    def _measure(self, summary: Summary) -> None:
        is_other_line = self._summary is not None and self._summary.epoch != summary.epoch
        if is_other_line or not summary.mode.calls:
            # What was called of another line, or in a pause, says nothing about what will be.
            self._samples.clear()
            self._promises.forget()
        add_sample(self._samples, Sample(summary.service_ms, summary.line.called), summary.line.waiting)
        self._speed = measure(self._samples)
        self._promises.watch(summary, self._speed)

    async def keep(self) -> None:
        while True:
            began_at = time.monotonic()
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 - Nothing unforeseen may end the clock of the leases.
                _log.error("refresh_failed", programme=self._file.code, exc_info=error)
            await asyncio.sleep(max(began_at + REFRESH_SECONDS - time.monotonic(), 0))
