"""Requests that leave at planned moments, and how long each took from the moment that was planned.

A server that stalls is therefore charged with everybody who came meanwhile, not only with those few whose
requests were inside.
"""

import asyncio
import time
from collections.abc import Callable

from loadtests.bench.http1 import Answer
from loadtests.bench.latencies import Latencies
from loadtests.bench.loads import SENT, Result
from loadtests.bench.pool import Pool

# After the end it is looked this often whether the last answer has come.
_LOOK_SECONDS = 0.01


class Calls:
    def __init__(self, pool: Pool, patience_seconds: float) -> None:
        self._pool = pool
        self._patience_seconds = patience_seconds
        self._latencies = Latencies()
        self._under_way = self._lost = 0
        self._last_answer_at = 0.0

    def make(
        self, planned_at: float, what: str, request: bytes, then: Callable[[Answer], None] | None = None
    ) -> None:
        """Send, and hand the answer on; `what` is written before its status in the result."""
        # How late the generator itself was.
        self._latencies.add(SENT, time.perf_counter() - planned_at)
        self._under_way += 1

        def done(answer: Answer | None) -> None:
            self._under_way -= 1
            if answer is None:
                self._lost += 1
                return
            self._last_answer_at = time.perf_counter()
            seconds = self._last_answer_at - planned_at
            late = "" if seconds <= self._patience_seconds else "late "
            self._latencies.add(f"{late}{what}{answer.status}", seconds)
            if then:
                then(answer)

        self._pool.send(request, done)

    async def finish(self, began_at: float, ended_at: float) -> Result:
        """Wait for what is under way as long as people would; what is left then is lost."""
        while (  # noqa: ASYNC110 - An event would be set and cleared at every answer.
            self._under_way and time.perf_counter() < ended_at + self._patience_seconds
        ):
            await asyncio.sleep(_LOOK_SECONDS)
        self._lost += self._under_way
        self._pool.close()
        return Result(
            seconds=ended_at - began_at,
            answers=self._latencies.counts(),
            latency=self._latencies.summaries(),
            lost=self._lost,
            drain_seconds=max(self._last_answer_at - ended_at, 0.0),
        )
