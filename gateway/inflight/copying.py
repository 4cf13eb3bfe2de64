"""Redis copied while it serves, as by a replica; a copy put where a server finds it and brought up to now."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct
from redis.asyncio import Connection, Redis
from redis.exceptions import RedisError

from gateway.domain.case import State
from gateway.inflight.store import Store, StoreUnavailable

# Redis forks, and may wait some seconds for more replicas, before the first byte comes.
_SILENT_SECONDS = 120.0

_PIECE = 1 << 20

# A copy without a length ends with forty bytes that were told before it.
_END_MARK = b"$EOF:"
_END_MARK_BYTES = 40

# As `appenddirname` and `appendfilename` are by default.
_APPEND_DIR, _APPEND_NAME = "appendonlydir", "appendonly.aof"

_BATCH = 32


class CopyRefused(Exception):
    """Redis does not give itself to be copied; carries its own words."""


class Known(Struct, frozen=True):
    """An application as the register has it now; `is_fresh`: it may have been accepted after the copy."""

    id: str
    person: str
    state: State
    is_fresh: bool


async def copy_redis(redis: Redis, file: Path) -> None:
    """Write all that Redis holds at one moment, functions too, as an RDB file.

    Raises CopyRefused, StoreUnavailable.
    """
    try:
        connection = await redis.connection_pool.get_connection("SYNC")
        try:
            await _receive(connection, file)
        finally:
            # What Redis goes on to send is for a replica.
            await connection.disconnect()
            await redis.connection_pool.release(connection)
    except (RedisError, OSError, asyncio.IncompleteReadError) as error:
        raise StoreUnavailable(type(error).__name__) from error


async def _receive(connection: Connection, file: Path) -> None:
    await connection.send_command("REPLCONF", "capa", "eof", "rdb-only", "1")
    await connection.read_response()
    await connection.send_command("SYNC")
    # The reply is no reply as others are, so it is read past the client's parser.
    reader = connection._reader  # noqa: SLF001
    if reader is None:
        raise ConnectionError("the connection was cut")
    head = b"\n"
    while head == b"\n":
        head = await asyncio.wait_for(reader.readline(), _SILENT_SECONDS)
    if not head.startswith(b"$"):
        raise CopyRefused(head.decode(errors="replace").strip().lstrip("-"))
    pieces = (
        _until_mark(reader, head[5:45]) if head.startswith(_END_MARK) else _counted(reader, int(head[1:]))
    )
    with file.open("wb") as opened:
        async for piece in pieces:
            opened.write(piece)


async def _counted(reader: asyncio.StreamReader, left: int) -> AsyncIterator[bytes]:
    while left:
        piece = await _read(reader, min(left, _PIECE))
        left -= len(piece)
        yield piece


async def _until_mark(reader: asyncio.StreamReader, mark: bytes) -> AsyncIterator[bytes]:
    held = b""
    while held[-_END_MARK_BYTES:] != mark:
        yield held[:-_END_MARK_BYTES]
        held = held[-_END_MARK_BYTES:] + await _read(reader, _PIECE)
    yield held[:-_END_MARK_BYTES]


async def _read(reader: asyncio.StreamReader, most: int) -> bytes:
    piece = await asyncio.wait_for(reader.read(most), _SILENT_SECONDS)
    if not piece:
        raise ConnectionError("the copy was cut short")
    return piece


def put_redis(file: Path, folder: Path) -> None:
    """Lay a copy into a server's `dir` as the file it begins with; raises FileExistsError if it has one."""
    target = folder / _APPEND_DIR
    target.mkdir(parents=True, mode=0o700)
    base = f"{_APPEND_NAME}.1.base.rdb"
    (target / base).write_bytes(file.read_bytes())
    (target / f"{_APPEND_NAME}.manifest").write_text(f"file {base} seq 1 type b\n")


async def redis_time_ms(redis: Redis) -> int:
    """Raises StoreUnavailable."""
    try:
        seconds, microseconds = await redis.time()
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    return int(seconds) * 1000 + int(microseconds) // 1000


async def begin_new_line(store: Store, programme: str) -> None:
    """Void all tickets; raises StoreUnavailable."""
    await store.call("new_line", programme)


async def catch_up(store: Store, programme: str, known: Iterable[Known], kept_ms: int) -> tuple[int, int]:
    """Tell Redis what happened after the copy, oldest first; how many acceptances and ends it did not have.

    Raises StoreUnavailable.
    """
    new = ended = 0
    for batch in _batches(known):
        items = [text for one in batch for text in (one.id, one.person, one.state.value, int(one.is_fresh))]
        learnt, over = await store.call("catch_up", programme, items, kept_ms=kept_ms)
        new, ended = new + learnt, ended + over
    return new, ended


def _batches(known: Iterable[Known]) -> Iterator[list[Known]]:
    left = iter(known)
    while batch := list(islice(left, _BATCH)):
        yield batch
