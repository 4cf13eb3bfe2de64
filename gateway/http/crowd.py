"""What a process refuses before it has read a body: a crowd beyond its strength, and who knocks too often."""

import math
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
        # Addresses that Redis has refused, in the order in which it last did.
        self._paid_until: dict[bytes, float] = {}

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

    def note_over_limit(self, client: bytes, quota: Quota, wait_ms: int) -> None:
        """Remember what Redis said of an address, as the moment by which all it was granted is paid for."""
        self._paid_until.pop(client, None)
        self._paid_until[client] = (
            time.monotonic() + wait_ms / 1000 + quota.window_seconds - quota.interval_seconds
        )
        if len(self._paid_until) > _MOST_ADDRESSES:
            del self._paid_until[next(iter(self._paid_until))]

    def check_address(self, client: bytes, quota: Quota) -> None:
        """Raise Limited where Redis would say no, by the same arithmetic (_limits.lua).

        What is let through is charged here as well: so a flood gets no more through to Redis than the limit
        grants, and not all that come while an answer is on its way. Once all is paid for, it is forgotten.
        """
        paid_until = self._paid_until.get(client)
        if paid_until is None:
            return
        now = time.monotonic()
        wait_seconds = paid_until + quota.interval_seconds - quota.window_seconds - now
        if wait_seconds > 0:
            raise Limited(ProblemCode.RATE_LIMITED, quota, math.ceil(wait_seconds * 1000))
        if paid_until > now:
            self._paid_until[client] = paid_until + quota.interval_seconds
        else:
            del self._paid_until[client]
