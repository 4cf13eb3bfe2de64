"""What Redis wrote to its append-only file, step by step, and how many slots each step left taken.

A function's writes stand between MULTI and EXEC, so a step here is what nobody could see the middle of.
"""

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

Command = list[bytes]

# An RDB file begins with a word for the format and its version; what follows is told apart by a byte.
_RDB_HEADER_BYTES = 9
_RDB_NOTE, _RDB_END = 0xFA, 0xFF

_ANNOTATION, _ARRAY = ord("#"), ord("*")

# The end of a confirmed case's slot, as _shared.lua has it: it never lapses.
_NEVER_MS = 9e15


class AofError(ValueError):
    """The file does not tell everything from an empty server on, or in a way that is not known here."""


class Occupancy(NamedTuple):
    """After one step: slots taken, the limit in force (0 while there is none), slots that the step took."""

    live: int
    limit: int
    entered: int

    @property
    def is_over(self) -> bool:
        """A lowered limit evicts nobody, so being above it is wrong only for whoever enters."""
        return self.entered > 0 and self.live > self.limit


def read_steps(folder: Path) -> Iterator[list[Command]]:
    """Yield what took effect at once, oldest first; `folder` is the server's `appendonlydir`.

    What a crash cut off at the end is left out, as the server leaves it out when it starts again. Raises
    AofError when the file was rewritten, for what was before is gone then: switch rewriting off for the run.
    """
    step: list[Command] | None = None
    for command in _read_commands(folder):
        match command[0]:
            case b"MULTI":
                step = []
            case b"EXEC" if step is not None:
                yield step
                step = None
            case b"SELECT":
                pass
            case _ if step is not None:
                step.append(command)
            case _:
                yield [command]


def recompute_live(steps: Iterable[list[Command]], programme: str) -> Iterator[Occupancy]:
    """Yield what each step left; raises AofError for a write to slots or door that is not known here."""
    slots = _Slots(programme)
    for step in steps:
        yield slots.follow(step)


class _Slots:
    """The slots of a programme as its writes leave them; one that ended counts no more, swept or not."""

    def __init__(self, programme: str) -> None:
        self._door, self._slots = f"{{{programme}}}:door".encode(), f"{{{programme}}}:slots".encode()
        self._forget_slots()
        self._service_ms = 0.0
        self._limit = 0

    def follow(self, step: list[Command]) -> Occupancy:
        entered = sum(self._write(command) for command in step)
        return Occupancy(len(self._live), self._limit, entered)

    def _write(self, command: Command) -> int:
        """Return how many slots are newly taken."""
        match command:
            case [b"ZADD", self._slots, *pairs]:
                scores, persons = pairs[::2], pairs[1::2]
                return sum(map(self._take, persons, map(float, scores)))
            case [b"ZREM", self._slots, *persons]:
                for person in persons:
                    self._ends.pop(person, None)
                    self._live.discard(person)
            case [b"HSET", self._door, *pairs]:
                values = dict(zip(pairs[::2], pairs[1::2], strict=True))
                self._limit = int(values.get(b"limit", self._limit))
                self._move_clock(float(values.get(b"svc", self._service_ms)))
            case [b"HINCRBY", self._door, b"svc", step]:
                self._move_clock(self._service_ms + int(step))
            case _:
                self._write_rarely(command)
        return 0

    def _write_rarely(self, command: Command) -> None:
        match command:
            case [b"FLUSHALL" | b"FLUSHDB", *_]:
                gone = {self._door, self._slots}
            case [b"DEL" | b"UNLINK", *keys]:
                gone = {self._door, self._slots}.intersection(keys)
            case [b"HINCRBY", self._door, field, _] if field != b"limit":
                return
            case _ if self._slots in command or self._door in command:
                raise AofError(f"{command[0].decode()} is no way in which slots or door are written")
            case _:
                return
        if self._slots in gone:
            self._forget_slots()
        if self._door in gone:
            self._limit = 0

    def _forget_slots(self) -> None:
        self._ends: dict[bytes, float] = {}
        self._live: set[bytes] = set()
        # Ends to come, soonest first; one that was moved meanwhile is passed over.
        self._lapsing: list[tuple[float, bytes]] = []

    def _take(self, person: bytes, end: float) -> bool:
        is_new = person not in self._live and end > self._service_ms
        self._ends[person] = end
        if end <= self._service_ms:
            self._live.discard(person)
            return False
        self._live.add(person)
        if end < _NEVER_MS:
            heappush(self._lapsing, (end, person))
        return is_new

    def _move_clock(self, service_ms: float) -> None:
        if service_ms < self._service_ms:
            # Only a server that lost its data begins again with an earlier clock.
            self._live = {person for person, end in self._ends.items() if end > service_ms}
            self._lapsing = [(end, person) for person, end in self._ends.items() if end < _NEVER_MS]
            heapify(self._lapsing)
        self._service_ms = service_ms
        while self._lapsing and self._lapsing[0][0] <= service_ms:
            end, person = heappop(self._lapsing)
            if self._ends.get(person) == end:
                self._live.discard(person)


def _read_commands(folder: Path) -> Iterator[Command]:
    manifest = next(folder.glob("*.manifest"), None)
    if manifest is None:
        raise AofError("there is no append-only file")
    for line in manifest.read_text().splitlines():
        _, name, _, _, _, kind = line.split()
        file = folder / name
        if kind == "b" and not _is_empty_base(file.read_bytes()):
            raise AofError("the append-only file was rewritten, or begun with data")
        if kind == "i" and file.stat().st_size:
            with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
                yield from _parse(data)


def _parse(data: mmap) -> Iterator[Command]:
    at, size = 0, len(data)
    while (end := data.find(b"\r\n", at)) >= 0:
        if data[at] == _ANNOTATION:
            at = end + 2
            continue
        if data[at] != _ARRAY:
            raise AofError("this is no append-only file")
        words: Command = []
        count, at = int(data[at + 1 : end]), end + 2
        for _ in range(count):
            end = data.find(b"\r\n", at)
            start = end + 2
            at = start + int(data[at + 1 : end]) + 2 if end >= 0 else size + 1
            if at > size:
                return
            words.append(data[start : at - 2])
        # Somebody may have typed it by hand.
        words[0] = words[0].upper()
        yield words


def _is_empty_base(rdb: bytes) -> bool:
    """A server that started empty wrote down nothing but notes: its version, the time."""
    at = _RDB_HEADER_BYTES
    while rdb[at : at + 1] == bytes([_RDB_NOTE]):
        at = _after_string(rdb, _after_string(rdb, at + 1))
    return not rdb or rdb[at] == _RDB_END


def _after_string(rdb: bytes, at: int) -> int:
    """Notes are short texts, or integers of one, two or four bytes."""
    kind, low = rdb[at] >> 6, rdb[at] & 0x3F
    if kind == 0:
        return at + 1 + low
    if kind == 1:
        return at + 2 + (low << 8 | rdb[at + 1])
    return at + 1 + (1 << low)
