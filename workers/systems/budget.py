"""How often calls may be repeated while a system fails: each repeat is more load, and makes more failures."""

from collections.abc import Callable

from msgspec import Struct

# Repeats are at most one in ten of the first tries.
REPEATS_SHARE = 0.1

# A system fails when so many of its calls do; what fails below that is of single cases.
FAILING_SHARE = 0.1

# Two calls a second of a worker are no load.
FEWEST_CALLS = 20

# Half of the window over which all of this is counted: two halves slide well enough.
HALF_SECONDS = 5.0


class _Counts(Struct):
    firsts: int = 0
    repeats: int = 0
    failed: int = 0


class Budget:
    """One worker's calls to one system."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._half, self._now, self._before = 0, _Counts(), _Counts()

    def may_repeat(self) -> bool:
        self._slide()
        firsts = self._now.firsts + self._before.firsts
        repeats = self._now.repeats + self._before.repeats
        failed = self._now.failed + self._before.failed
        calls = firsts + repeats
        if calls < FEWEST_CALLS or failed < FAILING_SHARE * calls:
            return True
        return repeats < REPEATS_SHARE * firsts

    def note_call(self, *, is_repeat: bool) -> None:
        self._slide()
        self._now.repeats += is_repeat
        self._now.firsts += not is_repeat

    def note_failed(self) -> None:
        self._slide()
        self._now.failed += 1

    def forget(self) -> None:
        """Begin anew: the system is another one than it was."""
        self._now, self._before = _Counts(), _Counts()

    def _slide(self) -> None:
        half = int(self._clock() / HALF_SECONDS)
        if half != self._half:
            self._before = self._now if half == self._half + 1 else _Counts()
            self._half, self._now = half, _Counts()
