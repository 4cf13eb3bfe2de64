"""Memory and open files of every process of the service, every few seconds."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

_EVERY_SECONDS = 3.0

_SUPERVISOR, _LEASH = "-m supervisor", "supervisor.leash"

# How the supervisor's children show in the list of processes.
_ROLES = {
    "valkey-server": "Valkey",
    "-m loadtests.standins": "stand-ins",
    "-m gateway.operators.serve": "operators",
    "-m gateway ": "gateway",
    "-m workers.main": "worker",
}


class Seen(Struct, frozen=True):
    """One process at one moment. `anonymous_kb`: memory that is nobody else's and of no file."""

    at_us: int
    pid: int
    role: str
    anonymous_kb: int
    files: int


@contextmanager
def watching(path: Path) -> Iterator[None]:
    """Write what is seen of the services that this process starts meanwhile."""
    done = threading.Event()

    def watch() -> None:
        with path.open("wb", buffering=0) as file:
            while not done.wait(_EVERY_SECONDS):
                for seen in _look():
                    file.write(msgspec.json.encode(seen) + b"\n")

    watcher = threading.Thread(target=watch, name="soak-watcher")
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def read_seen(path: Path) -> list[Seen]:
    return [msgspec.json.decode(line, type=Seen) for line in path.read_bytes().splitlines()]


def _look() -> Iterator[Seen]:
    at_us = time.time_ns() // 1000
    processes = {pid: (parent, command) for pid, parent, command in _processes()}
    for pid in processes:
        role = _role(pid, processes)
        # Whoever has ended meanwhile is not seen.
        with suppress(OSError, StopIteration, IndexError):
            if role:
                yield Seen(at_us, pid, role, _anonymous_kb(pid), len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208 - only counted.


def _role(pid: int, processes: dict[int, tuple[int, str]]) -> str | None:
    """Name a process of a supervisor of ours, and those that it starts itself."""
    parent, command = processes[pid]
    if _LEASH in command or parent not in processes:
        return None
    if parent == os.getpid():
        return "supervisor" if _SUPERVISOR in command else None
    above = _role(parent, processes)
    if above == "supervisor":
        return next((role for mark, role in _ROLES.items() if mark in command), None)
    return above and f"{above}, its child"


def _anonymous_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon:")).split()[1])


def _processes() -> Iterator[tuple[int, int, str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield int(entry.name), parent, command
