"""Time that does not pass by itself: for the event loop here, and for the functions in Redis."""

import asyncio
from collections.abc import Callable
from selectors import SelectorKey, SelectSelector

# A rehearsal begins at midnight of the functions' calendar, so that the budget of a day is whole.
MIDNIGHT_MS = 1_767_225_600_000

# Time goes on by so much, and what falls to one moment goes to Redis together. Were it a fifth of this, a
# rehearsal would take twice as long, and say the same of waits.
MOMENT_MS = 50

NOW_KEY = "rehearsal:now_ms"

# The one place where the functions read the time (_shared.lua).
_MACHINE_CLOCK = """local function time_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
"""
_REHEARSED_CLOCK = f"""local function time_ms()
  return tonumber(redis.call('GET', '{NOW_KEY}'))
end
"""


def to_moment(milliseconds: float) -> int:
    """Return the nearest moment: who is late half the time and early half the time is on time."""
    return round(milliseconds / MOMENT_MS) * MOMENT_MS


class ClockNotFound(Exception):
    """The functions read the time elsewhere by now, or in several places."""


def with_rehearsed_clock(source: str) -> str:
    """Return the library as it is but for where it reads the time. Raises ClockNotFound."""
    if source.count(_MACHINE_CLOCK) != 1:
        raise ClockNotFound
    return source.replace(_MACHINE_CLOCK, _REHEARSED_CLOCK)


class RehearsedLoop(asyncio.SelectorEventLoop):
    """Moves its clock on to whatever is due next, once nothing is left to do at this moment.

    `finish_moment` is asked first: it does what was put off until then, and says whether there was anything.
    """

    def __init__(self, finish_moment: Callable[[int], bool]) -> None:
        self._now_ms, self._finish_moment = 0, finish_moment
        super().__init__(_Waiting(self._wait))

    @property
    def now_ms(self) -> int:
        """Since the rehearsal began."""
        return self._now_ms

    def time(self) -> float:
        return self._now_ms / 1000

    def _wait(self, seconds: float | None) -> None:
        if self._finish_moment(self._now_ms):
            return
        if seconds is None:
            raise RuntimeError("nobody will ever do anything again")
        # What is due is due at a moment, but for what floating point adds to it.
        self._now_ms += max(to_moment(seconds * 1000), MOMENT_MS)


class _Waiting(SelectSelector):
    """Where a loop waits when it has nothing to do; no file is ever waited for."""

    def __init__(self, wait: Callable[[float | None], None]) -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        # None and more than nothing: the loop would sleep.
        if timeout != 0:
            self._wait(timeout)
        return []
