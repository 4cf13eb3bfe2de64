"""What a process refuses before it has read a body: a crowd beyond its strength, and who knocks too often."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.http.refusals import ComeBack, Limited, ProblemCode, Quota, Refusal

# Each of these takes a fraction of a millisecond, so the last of them is answered within a tenth of a second.
MOST_NEWCOMERS = 512

# Whoever was called has waited; half as much room again is theirs alone.
MOST_WITH_TICKET = 768

# Addresses remembered for being over their limit, some hundred bytes each.
_MOST_ADDRESSES = 65_536

# The crowd is as large as it was a moment ago for some seconds.
WHEN_CROWDED = ComeBack(3, 12)


class Crowd:
    def __init__(self) -> None:
        self._in_hand = 0
        # Until when Redis would refuse an address, in the order in which it was last said.
        self._over_limit: dict[bytes, float] = {}

    @contextmanager
    def hold(self, *, with_ticket: bool) -> Iterator[None]:
        """Count a submission from its headers to its answer; raises Refusal when there are too many."""
        if self._in_hand >= (MOST_WITH_TICKET if with_ticket else MOST_NEWCOMERS):
            raise Refusal(ProblemCode.FULL, come_back=WHEN_CROWDED, detail_key="problem.full.crowded")
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    def note_over_limit(self, client: bytes, wait_ms: int) -> None:
        """Remember what Redis said: before that time it would say the same, and is not asked."""
        self._over_limit.pop(client, None)
        self._over_limit[client] = time.monotonic() + wait_ms / 1000
        if len(self._over_limit) > _MOST_ADDRESSES:
            del self._over_limit[next(iter(self._over_limit))]

    def check_address(self, client: bytes, quota: Quota) -> None:
        """Raise Limited."""
        until = self._over_limit.get(client)
        if until is None:
            return
        wait_seconds = until - time.monotonic()
        if wait_seconds > 0:
            raise Limited(ProblemCode.RATE_LIMITED, quota, int(wait_seconds * 1000) + 1)
        del self._over_limit[client]
