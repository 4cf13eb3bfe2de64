"""Whether this process can do its work: asked of the real parts, and at most once a second."""

import asyncio
import time

import structlog

from gateway.http.refusals import Unavailable
from gateway.http.register_calls import ask_register
from gateway.inflight.replication import ask_replication
from gateway.inflight.status import probe
from gateway.inflight.store import Store, StoreUnavailable
from gateway.register.journal import Journal

# Balancers of any number may ask without being felt by the stores; failures are kept as long.
KEPT_SECONDS = 1.0

_log = structlog.get_logger()


class Readiness:
    def __init__(self, store: Store, journal: Journal) -> None:
        self._store, self._journal = store, journal
        self._lock = asyncio.Lock()
        self._is_ready = False
        self._checked_at: float | None = None

    async def check(self) -> None:
        """Raise Unavailable."""
        async with self._lock:
            if self._checked_at is None or time.monotonic() - self._checked_at > KEPT_SECONDS:
                self._is_ready = await self._probe()
                self._checked_at = time.monotonic()
        if not self._is_ready:
            raise Unavailable

    async def _probe(self) -> bool:
        try:
            await probe(self._store)
            if self._store.replicas and not self._is_ready:
                await self._look_at_replicas()
            await ask_register(self._journal.check())
        except (StoreUnavailable, Unavailable):
            return False
        return True

    async def _look_at_replicas(self) -> None:
        """Say what the promise lacks, at the start and after each outage: the primary may be another then."""
        found, wanted = await ask_replication(self._store), self._store.replicas
        if found.connected <= wanted:
            # Nobody may fail: the next failover leaves fewer than a write has to reach.
            _log.warning("replicas_without_spare", connected=found.connected, wanted=wanted)
        if found.least is not None and found.least < wanted:
            _log.warning("min_replicas_to_write_too_low", configured=found.least, wanted=wanted)
