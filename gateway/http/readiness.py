"""Whether this process can do its work: asked of the real parts, and at most once a second."""

import asyncio
import time

from gateway.http.refusals import Unavailable
from gateway.http.register_calls import ask_register
from gateway.inflight.status import probe
from gateway.inflight.store import Store, StoreUnavailable
from gateway.register.journal import Journal

# Balancers of any number may ask without being felt by the stores; failures are kept as long.
KEPT_SECONDS = 1.0


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
            # No application has an empty id: one look at the primary key, and nothing found.
            await ask_register(self._journal.get(""))
        except (StoreUnavailable, Unavailable):
            return False
        return True
