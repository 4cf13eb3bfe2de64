"""What gateways and workers count, in files that outlive them.

The files are those of prometheus-client's multiprocess mode, and it reads them. Its own instruments ask for
the process and take a lock at every step, 4.5 µs for what one request counts. Adding to mapped memory takes a
seventh of that, and what a killed process has counted is there just the same.
"""

import asyncio
import fcntl
import json
import os
import socket
import time
from bisect import bisect_left
from collections.abc import Collection, Sequence
from enum import StrEnum
from functools import cache
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypeAlias

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

Cells: TypeAlias = "memoryview[float]"

_BYTES_PER_CELL = 8

_BEAT_EVERY_SECONDS = 1.0

# A beat may be late by a turn of a busy loop; whoever is silent for longer helps nobody.
_ALIVE_SECONDS = 5.0

# A worker that is started again after a crash counts on. After a longer pause it is another run, and its
# files may be half written: by a machine whose power went.
_SAME_RUN_SECONDS = 60.0


class Role(StrEnum):
    """Whose counts a folder holds; the label that names the folder is called so."""

    GATEWAY = "gateway"
    WORKER = "worker"


class Tally(NamedTuple):
    """What a folder counts under a name; a histogram has one for each bucket, not added up, and its sum."""

    folder: str
    name: str
    labels: tuple[tuple[str, str], ...]


class Count:
    """A number that goes up. One thread adds: whatever is counted is counted on the event loop."""

    __slots__ = ("_at", "_cells")

    def __init__(self, cells: Cells, at: int) -> None:
        self._cells, self._at = cells, at

    def add(self, amount: float = 1) -> None:
        self._cells[self._at] += amount


class Spread:
    """How many values fall up to each bound, or above the last, and their sum. One thread here as well."""

    __slots__ = ("_bounds", "_buckets", "_cells", "_sum")

    def __init__(self, bounds: Sequence[float], cells: Cells, places: Sequence[int]) -> None:
        self._bounds, self._cells = bounds, cells
        *self._buckets, self._sum = places

    def add(self, value: float) -> None:
        cells = self._cells
        cells[self._buckets[bisect_left(self._bounds, value)]] += 1
        cells[self._sum] += value


class Ledger:
    """Where a process counts. Until it is opened that is its own memory, which nobody reads.

    `count` and `spread` are for setting up: whoever counts often keeps what they return. Labels are few and
    never personal.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._name = ""
        self._files: dict[str, MmapedDict] = {}

    def open(self, folder: Path, name: str = "") -> None:
        """Keep what is set up from now on in files of this process in `folder`.

        A process that has the folder for itself gives a `name`: its files are those of the one before it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, name or str(os.getpid())

    async def keep_beating(self) -> None:
        """Say again and again that this process turns its loop, for `count_alive`."""
        while self._folder is not None:
            (self._folder / f"{self._name}.beat").touch()
            await asyncio.sleep(_BEAT_EVERY_SECONDS)

    def count(self, name: str, about: str, **labels: str) -> Count:
        """Find or begin a counter; `name` ends with `_total`."""
        key = _key(name.removesuffix("_total"), name, labels, about)
        cells, (at,) = self._cells("counter", [key])
        return Count(cells, at)

    def spread(self, name: str, about: str, bounds: Sequence[float], **labels: str) -> Spread:
        """Find or begin a histogram; `name` ends with its unit."""
        keys = [
            _key(name, f"{name}_bucket", {**labels, "le": str(bound)}, about)
            for bound in (*bounds, float("inf"))
        ]
        return Spread(bounds, *self._cells("histogram", [*keys, _key(name, f"{name}_sum", labels, about)]))

    def _cells(self, kind: str, keys: Sequence[str]) -> tuple[Cells, list[int]]:
        if self._folder is None:
            return memoryview(bytearray(len(keys) * _BYTES_PER_CELL)).cast("d"), list(range(len(keys)))
        if kind not in self._files:
            path = self._folder / f"{kind}_{self._name}.db"
            self._files[kind] = MmapedDict(str(path))  # type: ignore[no-untyped-call]  # It has no types.
        file = self._files[kind]
        for key in keys:
            # Makes the entry, for which the file may grow: its mapping is asked for afterwards.
            file.read_value(key)  # type: ignore[no-untyped-call]  # As above.
        places = [file._positions[key] // _BYTES_PER_CELL for key in keys]  # noqa: SLF001 - Past its slow door.
        return memoryview(file._m).cast("d"), places  # noqa: SLF001 - The same.


LEDGER = Ledger()


def folder_of(counts_dir: Path, port: int) -> Path:
    """A folder a gateway, so that several machines or containers may share a data directory."""
    return counts_dir / f"{socket.gethostname()}:{port}"


def claim_folder(counts_dir: Path) -> Path:
    """Return a worker's folder: this machine's first that no other process holds. It is held until the end.

    Raises OSError.
    """
    for number in count(1):
        folder = counts_dir / f"{socket.gethostname()}:{Role.WORKER}-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            continue
        if not _has_beaten(folder, _SAME_RUN_SECONDS):
            begin_anew(folder)
        return folder
    raise AssertionError("there is always one more number")


def begin_anew(folder: Path) -> None:
    """Forget the counts of the run before; call it before any process counts. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()


def count_alive(counts_dir: Path) -> dict[Role, int]:
    """How many processes of each role turn their loops; a role is missing while none has ever been here."""
    alive: dict[Role, int] = {}
    for folder in counts_dir.glob("*/"):
        role = _role_of(folder)
        alive[role] = alive.get(role, 0) + _has_beaten(folder, _ALIVE_SECONDS)
    return alive


def read_counts(counts_dir: Path) -> list[Metric]:
    """Add up the processes of each gateway, dead ones too, and tell each worker.

    The label `gateway` or `worker` says whose sums they are. Sums of several would fall whenever one of them
    starts anew, and a counter must not.
    """
    families: dict[str, Metric] = {}
    for folder in sorted(counts_dir.glob("*/")):
        for found in _merge(folder):
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                labels = {_role_of(folder).value: folder.name, **sample.labels}
                family.add_sample(sample.name, labels, sample.value)
    return list(families.values())


def read_tallies(counts_dir: Path, families: Collection[str]) -> dict[Tally, float]:
    """Add up the processes of each folder as `read_counts` does, for these families only.

    That is a tenth of the work: for whoever looks each second.
    """
    found: dict[Tally, float] = {}
    for folder in counts_dir.glob("*/"):
        for key, value in _values(folder):
            family, name, labels = _parse(key)
            if family in families:
                tally = Tally(folder.name, name, labels)
                found[tally] = found.get(tally, 0.0) + value
    return found


def _role_of(folder: Path) -> Role:
    """A gateway's folder ends with its port, a worker's with `worker-` and a number."""
    return Role.WORKER if folder.name.rpartition(":")[2].startswith(Role.WORKER) else Role.GATEWAY


def _has_beaten(folder: Path, seconds: float) -> int:
    """How many processes have beaten within `seconds`."""
    beats = 0
    for path in folder.glob("*.beat"):
        try:
            beats += time.time() - path.stat().st_mtime < seconds
        except FileNotFoundError:
            continue  # Its gateway starts anew this moment.
    return beats


def _merge(folder: Path) -> list[Metric]:
    try:
        return list(MultiProcessCollector.merge(_files(folder)))  # type: ignore[no-untyped-call]  # As above.
    except FileNotFoundError:
        return []  # This gateway starts anew this moment.


def _values(folder: Path) -> list[tuple[str, float]]:
    try:
        return [
            (key, value)
            for file in _files(folder)
            for key, value, *_ in MmapedDict.read_all_values_from_file(file)  # type: ignore[no-untyped-call]  # As above.
        ]
    except FileNotFoundError:
        return []  # The same.


def _files(folder: Path) -> list[str]:
    # A file that was created this moment is empty.
    return [str(path) for path in sorted(folder.glob("*.db")) if path.stat().st_size]


# As many as names of ours, so the cache needs no bound.
@cache
def _parse(key: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    family, name, labels, _ = json.loads(key)
    return family, name, tuple(sorted(labels.items()))


def _key(family: str, name: str, labels: dict[str, str], about: str) -> str:
    return mmap_key(family, name, list(labels), list(labels.values()), about)
