"""How much the event loop has to do, as whoever is served by it can tell."""

import asyncio
import time

# Every turn that is longer has a beat at its head; an idle process does not feel them.
_EVERY_SECONDS = 0.02


class Pulse:
    def __init__(self) -> None:
        self._beaten_at: float | None = None
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Beat on the running loop until `stop`. Its timers come before what else is due in a turn."""
        self._beaten_at = time.monotonic()
        self._next = asyncio.get_running_loop().call_later(_EVERY_SECONDS, self.start)

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._beaten_at = None

    def turn_seconds(self) -> float:
        """How long this turn of the loop has gone on, give or take a beat; 0 while there is no pulse.

        Whoever is served late in a turn has waited through most of the one before as well.
        """
        return 0.0 if self._beaten_at is None else time.monotonic() - self._beaten_at
