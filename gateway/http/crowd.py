"""What a process refuses before it has read a body: a crowd beyond its strength, and who knocks too often."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.http.metrics import Shed, count_shed
from gateway.http.pulse import Pulse
from gateway.http.refusals import ComeBack, Limited, ProblemCode, Quota, Refusal

# Submissions in hand, from their last byte to their answer, in a process that answers quickly.
_MOST_ROOM = 512

# Enough to keep even a slow process busy.
_LEAST_ROOM = 64

# Whoever holds a ticket has waited, and comes no faster than tickets are called: only this bounds them too.
_MOST_IN_HAND = 2_048

# An answer should be there within a tenth of a second; past this much of it the room shrinks.
_SLOW_SECONDS = 0.07
# By a hundredth for each slow answer, and back by a tenth of a place for each quick one: so few are slow.
_SHRINKS_TO, _GROWS_BY = 0.99, 0.1

# Who is served this late in a turn of the event loop has waited as long again before it: more is asked of the
# process than it can give, and without refusing some unread all would wait for seconds. The least room stays
# all the same: it may be others who make the turn long, whom refusing newcomers does not stop.
_LONG_TURN_SECONDS = 0.04

# Whoever looks how an application is doing can look again later: those who apply go first. A pulse that beats
# every 20 ms tells nothing of less.
_LONG_TURN_FOR_LOOKS_SECONDS = 0.03

# Who looks at once: a quarter of the connections to Redis, so that the others are for those who apply.
_MOST_LOOKING = 128

# Addresses remembered for being over their limit, some two hundred bytes each.
_MOST_ADDRESSES = 65_536

# The crowd is as large as it was a moment ago for some seconds.
WHEN_CROWDED = ComeBack(3, 12)


class Crowd:
    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._in_hand = self._looking = 0
        self._room = float(_MOST_ROOM)
        # Addresses that Redis has refused, in the order in which it last did.
        self._paid_until: dict[bytes, tuple[Quota, float]] = {}

    def check_room(self, *, with_ticket: bool) -> None:
        """Raise Refusal when so many are in hand, or before this one, that a newcomer would wait too long."""
        most = _MOST_IN_HAND if with_ticket else self._room_now()
        if self._in_hand >= most:
            count_shed(Shed.OVERLOAD)
            raise _crowded()

    def _room_now(self) -> float:
        return _LEAST_ROOM if self._pulse.turn_seconds() > _LONG_TURN_SECONDS else self._room

    def check_room_to_look(self) -> None:
        """Raise Refusal when looks would hold up those who apply."""
        if self._looking >= _MOST_LOOKING or self._pulse.turn_seconds() > _LONG_TURN_FOR_LOOKS_SECONDS:
            count_shed(Shed.OVERLOAD)
            raise _crowded()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Count a look while it is being answered."""
        self._looking += 1
        try:
            yield
        finally:
            self._looking -= 1

    def take(self) -> float:
        """Count a submission whose body is read; returns when, for `let_go`. Raises Refusal."""
        if self._in_hand >= _MOST_IN_HAND:
            raise _crowded()
        self._in_hand += 1
        return time.monotonic()

    def let_go(self, taken_at: float) -> None:
        """Count a submission that is decided, however."""
        self._in_hand -= 1
        is_slow = time.monotonic() - taken_at > _SLOW_SECONDS
        room = self._room * _SHRINKS_TO if is_slow else self._room + _GROWS_BY
        self._room = min(max(room, _LEAST_ROOM), _MOST_ROOM)

    def note_over_limit(self, client: bytes, quota: Quota, wait_ms: int) -> None:
        """Remember what Redis said of an address, as the moment by which all it was granted is paid for."""
        self._paid_until.pop(client, None)
        paid_until = time.monotonic() + wait_ms / 1000 + quota.window_seconds - quota.interval_seconds
        self._paid_until[client] = quota, paid_until
        if len(self._paid_until) > _MOST_ADDRESSES:
            del self._paid_until[next(iter(self._paid_until))]

    def check_address(self, client: bytes, quota: Quota) -> None:
        """Raise Limited where Redis would say no, by the same arithmetic (_limits.lua).

        What is let through is charged here as well: so a flood gets no more through to Redis than the limit
        grants, and not all that come while an answer is on its way. Once all is paid for, it is forgotten.
        """
        known = self._paid_until.get(client)
        if known is None:
            return
        noted, paid_until = known
        if noted != quota:
            # An operator has changed the limit since.
            del self._paid_until[client]
            return
        now = time.monotonic()
        wait_seconds = paid_until + quota.interval_seconds - quota.window_seconds - now
        if wait_seconds > 0:
            count_shed(Shed.ADDRESS)
            raise Limited(ProblemCode.RATE_LIMITED, quota, math.ceil(wait_seconds * 1000))
        if paid_until > now:
            self._paid_until[client] = quota, paid_until + quota.interval_seconds
        else:
            del self._paid_until[client]


def _crowded() -> Refusal:
    return Refusal(ProblemCode.FULL, come_back=WHEN_CROWDED, detail_key="problem.full.crowded")
