"""How long processes have been on a processor."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def processor_seconds(pids: Iterable[int]) -> float:
    """Add up all threads of these processes, to the nanosecond; whoever has ended counts for nothing."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(OSError):
                total += int(thread.read_text().split()[0])
    return total / 1e9


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
