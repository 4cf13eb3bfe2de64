"""What a server writes, syncs and answers, in the order in which the kernel was asked (strace)."""

import asyncio
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

_CALLS = "write,writev,sendto,sendmsg,pwrite64,fdatasync,fsync"
_ATTACHED = b"attached"

_LINE = re.compile(r"^(\d+) +(.*)$")
_BEGUN = re.compile(r"^(\w+)\(\d+<([^>]*)>")
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>")
_RESULT = re.compile(r"\) += (-?\d+)")


class NotTraceable(Exception):
    """There is no strace, or it may not look."""


class What(StrEnum):
    WROTE = "wrote"
    BEGAN_TO_SYNC = "began to sync"
    SYNCED = "synced"
    ANSWERED = "answered"


class Step(NamedTuple):
    """`size`: bytes, of what was written."""

    what: What
    size: int


@asynccontextmanager
async def traced(pid: int, out: Path) -> AsyncIterator[None]:
    """Look until the block is left, or the process ends. Raises NotTraceable."""
    strace = shutil.which("strace")
    if strace is None:
        raise NotTraceable("there is no strace here")
    process = await asyncio.create_subprocess_exec(
        *(strace, "-f", "-y", "-s", "1", "-e", f"trace={_CALLS}", "-o", str(out), "-p", str(pid)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None  # noqa: S101 - Asked for above.
    said = await process.stderr.readline()
    if _ATTACHED not in said:
        await process.wait()
        raise NotTraceable(said.decode().strip())
    try:
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


def read_steps(out: Path) -> Iterator[Step]:
    """Go through what was done to append-only files and sockets.

    A write counts from its end, an answer from its beginning: either is the worse for the promise.
    """
    open_calls: dict[str, tuple[str, str]] = {}
    for line in out.read_text(errors="replace").splitlines():
        if not (found := _LINE.match(line)):
            continue
        thread, text = found.groups()
        if begun := _BEGUN.match(text):
            open_calls[thread] = call, target = begun.group(1), begun.group(2)
            yield from _began(call, target)
        elif not _RESUMED.match(text):
            continue
        if (result := _RESULT.search(text)) and thread in open_calls:
            yield from _ended(*open_calls.pop(thread), int(result.group(1)))


def _began(call: str, target: str) -> Iterator[Step]:
    if call in {"fdatasync", "fsync"} and target.endswith(".aof"):
        yield Step(What.BEGAN_TO_SYNC, 0)
    elif target.startswith("socket:"):
        yield Step(What.ANSWERED, 0)


def _ended(call: str, target: str, result: int) -> Iterator[Step]:
    if not target.endswith(".aof") or result < 0:
        return
    if call in {"fdatasync", "fsync"}:
        yield Step(What.SYNCED, 0)
    else:
        yield Step(What.WROTE, result)
