"""How long those who are called now have waited, and what they were promised when they came."""

from collections import deque

from msgspec import Struct

# Six hours of seconds in which somebody came: longer than anybody waits, and a few megabytes.
MOST_MARKS = 21_600


class Mark(Struct, frozen=True):
    """Numbers up to `minted` had come at `at_ms`, and the last of them was promised `eta_seconds`."""

    minted: int
    at_ms: int
    eta_seconds: int | None


class Waits:
    """One line. Its numbers only grow, except when it begins anew."""

    def __init__(self) -> None:
        self._marks = deque[Mark]()
        # When these came nobody saw; before the first note that is anybody.
        self._unseen: int | None = None
        self._minted = self._called = 0

    def note(self, at_ms: int, minted: int, called: int, eta_seconds: int | None) -> Mark | None:
        """Return the mark of whoever was called last; None when nobody was, or it was not seen."""
        if self._unseen is None or minted < self._minted:
            self._marks.clear()
            self._unseen = minted
        elif minted > self._minted:
            self._marks.append(Mark(minted, at_ms, eta_seconds))
        if len(self._marks) > MOST_MARKS:
            self._unseen = self._marks.popleft().minted
        last_called = max(self._called, self._unseen)
        self._minted, self._called = minted, called
        if called <= last_called:
            return None
        while self._marks[0].minted < called:
            self._marks.popleft()
        return self._marks[0]
