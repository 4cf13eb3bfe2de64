"""What Redis wrote, step by step: slots, line, cases and clock, each followed from the first write on."""

from collections import defaultdict, deque
from collections.abc import Iterable
from itertools import tee
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from loadtests.aof import Command, read_steps, recompute_live

# The most that one call may move the service clock: a longer gap is an outage, in which no lease runs.
_LONGEST_GAP_MS = 3_000


class Call(NamedTuple):
    """From about this moment on (epoch ms, never too late) numbers of a lane up to `called` are called."""

    at_ms: int
    epoch: int
    lane: int
    called: int


class Writes(Struct, frozen=True):
    """Faults are told in words; `high` is the most that Redis itself noted, `live` the most counted here.

    `limit` is the largest that was ever in force.
    """

    steps: int
    live: int
    high: int
    limit: int
    over: list[str]
    slotless: list[str]
    disorder: list[str]
    untimely: list[str]
    calls: list[Call]


def read_writes(folder: Path, programme: str) -> Writes:
    """Read the server's `appendonlydir`; raises AofError."""
    return follow_writes(read_steps(folder), programme)


def follow_writes(written: Iterable[list[Command]], programme: str) -> Writes:
    """Follow steps, each what took effect at once; raises AofError."""
    door = _Door(programme)
    line, cases = _Line(programme, door), _Cases(programme, door)
    count, most_live, most_limit, over = 0, 0, 0, list[str]()
    steps, again = tee(written)
    for count, (occupancy, step) in enumerate(zip(recompute_live(steps, programme), again, strict=False), 1):
        for command in step:
            door.follow(command)
            line.follow(command)
            cases.follow(command)
        line.end_step()
        cases.end_step()
        most_limit = max(most_limit, occupancy.limit)
        if occupancy.entered:
            most_live = max(most_live, occupancy.live)
        if occupancy.is_over or door.noted_high > occupancy.limit:
            over.append(f"step {count}: {max(occupancy.live, door.high)} of {occupancy.limit}")
        door.noted_high = 0
    untimely = [*door.faults, *line.untimely, *cases.untimely]
    return Writes(
        count, most_live, door.high, most_limit, over, cases.slotless, line.disorder, untimely, line.calls
    )


class _Door:
    """The clocks and the high-water mark.

    `noted_high` is the mark as the step under way wrote it, 0 if it did not; `fields` are what the command
    under way writes into the door.
    """

    def __init__(self, programme: str) -> None:
        self._key = f"{{{programme}}}:door".encode()
        self.service_ms, self.raw_ms, self.high = 0, 0, 0
        self.noted_high = 0
        self.fields: dict[bytes, bytes] = {}
        self.faults: list[str] = []

    def follow(self, command: Command) -> None:
        if command[0] != b"HSET" or command[1] != self._key:
            self.fields = {}
            return
        self.fields = dict(zip(command[2::2], command[3::2], strict=True))
        if b"svc" in self.fields and b"raw" in self.fields:
            self._move(int(self.fields[b"svc"]), int(self.fields[b"raw"]))
        if b"high" in self.fields:
            self.high = self.noted_high = int(self.fields[b"high"])

    def _move(self, service_ms: int, raw_ms: int) -> None:
        if self.service_ms:
            moved_ms, passed_ms = service_ms - self.service_ms, max(raw_ms - self.raw_ms, 0)
            if not 0 <= moved_ms <= min(passed_ms, _LONGEST_GAP_MS):
                self.faults.append(f"the service clock moved {moved_ms} ms where {passed_ms} ms passed")
        self.service_ms, self.raw_ms = service_ms, raw_ms


class _Line:
    """Numbers called, numbers that came, and the windows in which they may."""

    def __init__(self, programme: str, door: _Door) -> None:
        self._door, self._epoch = door, 0
        self._spent = {f"{{{programme}}}:spent{lane}".encode(): lane for lane in (0, 1)}
        self._windows = {f"{{{programme}}}:calls{lane}".encode(): deque[bytes]() for lane in (0, 1)}
        self._called = [0, 0]
        self._came: list[tuple[int, int]] = []
        self.disorder: list[str] = []
        self.untimely: list[str] = []
        self.calls: list[Call] = []

    def follow(self, command: Command) -> None:
        if self._door.fields:
            self._follow_door(self._door.fields)
            return
        match command:
            case [b"SETBIT", key, number, b"1"] if key in self._spent:
                self._came.append((self._spent[key], int(number)))
            case [b"RPUSH", key, window] if key in self._windows:
                self._windows[key].append(window)
            case [b"LSET", key, b"-1", window] if key in self._windows:
                self._windows[key][-1] = window
            case [b"DEL", key] if key in self._windows:
                # Open windows begin anew as one.
                self._windows[key].clear()
            case [b"LPOP", key, *_] if key in self._windows:
                self._close(self._windows[key].popleft())

    def end_step(self) -> None:
        for lane, number in self._came:
            if number > self._called[lane]:
                self.disorder.append(f"lane {lane}: {number} came when {self._called[lane]} was called")
        self._came.clear()

    def _follow_door(self, fields: dict[bytes, bytes]) -> None:
        if b"epoch" in fields:
            self._epoch, self._called = int(fields[b"epoch"]), [0, 0]
        for lane, name in enumerate((b"c0", b"c1")):
            called = int(fields.get(name, self._called[lane]))
            if called < self._called[lane]:
                self.disorder.append(f"lane {lane}: called back from {self._called[lane]} to {called}")
            if called != self._called[lane]:
                self._called[lane] = called
                self.calls.append(Call(self._door.raw_ms, self._epoch, lane, called))

    def _close(self, window: bytes) -> None:
        last, _, end_ms = window.partition(b":")
        if int(end_ms) > self._door.service_ms:
            early_ms = int(end_ms) - self._door.service_ms
            self.untimely.append(f"the window of {int(last)} closed {early_ms} ms early")


class _Cases:
    """Who is in process, and whether the person has a slot all the while."""

    def __init__(self, programme: str, door: _Door) -> None:
        tag = f"{{{programme}}}:"
        self._door, self._case = door, f"{tag}case:".encode()
        self._slots, self._leases, self._active = (
            f"{tag}{name}".encode() for name in ("slots", "leases", "active")
        )
        self._person_of: dict[bytes, bytes] = {}
        self._slot_ends: dict[bytes, float] = {}
        self._lease_ends: dict[bytes, float] = {}
        self._in_process: dict[bytes, set[bytes]] = defaultdict(set)
        self._touched: set[bytes] = set()
        self.slotless: list[str] = []
        self.untimely: list[str] = []

    def follow(self, command: Command) -> None:
        match command:
            case [b"HSET", key, *pairs] if key.startswith(self._case):
                self._write_case(
                    key.removeprefix(self._case), dict(zip(pairs[::2], pairs[1::2], strict=True))
                )
            case [b"ZADD", self._slots, *pairs]:
                self._slot_ends.update(zip(pairs[1::2], map(float, pairs[::2]), strict=True))
            case [b"ZREM", self._slots, person]:
                self._slot_ends.pop(person, None)
                self._touched.add(person)
            case [b"ZADD", self._leases, *pairs]:
                self._lease_ends.update(zip(pairs[1::2], map(float, pairs[::2]), strict=True))
            case [b"ZADD", self._active, _, one]:
                self._enter(one)
            case [b"ZREM", self._active, one]:
                self._in_process[self._person_of.get(one, b"")].discard(one)

    def end_step(self) -> None:
        for person in self._touched:
            ids = self._in_process.get(person)
            if ids and self._slot_ends.get(person, 0) <= self._door.service_ms:
                self.slotless += [f"{one.decode()} was in process without a slot" for one in ids]
        self._touched.clear()

    def _enter(self, one: bytes) -> None:
        person = self._person_of.get(one, b"")
        if one not in self._in_process[person]:
            self._in_process[person].add(one)
            self._touched.add(person)

    def _write_case(self, one: bytes, fields: dict[bytes, bytes]) -> None:
        if b"person" in fields:
            self._person_of[one] = fields[b"person"]
        if fields.get(b"state") == b"lapsed" and self._lease_ends.get(one, 0) > self._door.service_ms:
            early_ms = self._lease_ends[one] - self._door.service_ms
            self.untimely.append(f"{one.decode()} lapsed {early_ms:.0f} ms early")
