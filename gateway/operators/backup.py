"""A copy of all that is needed to go on elsewhere, and the way back.

Redis is copied first and the register second, the other way round from how they are written: whoever ends a
case writes the register first. So what the copy of Redis has no longer, the copy of the register has already,
and every case accepted by then is in one of the two.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from gateway.inflight.copying import Known, begin_new_line, catch_up, copy_redis, put_redis, redis_time_ms
from gateway.inflight.status import tally
from gateway.inflight.store import Store
from gateway.register.copying import check_no_register, copy_register, put_register
from gateway.register.journal import Journal
from gateway.register.migrate import migrate
from gateway.sealing import KeyRing

MANIFEST: Final = "manifest.json"
REDIS_FILE: Final = "redis.rdb"
_FORMAT: Final = 1

# Steps are timed by the clocks of workers, the copy by that of Redis; never are they further apart. What
# is looked at though the copy knew it stays as it is; an ended record, by which that is seen, is kept longer.
CLOCKS_APART_MS: Final = 300_000

# Which key file belongs to a copy is told by what the key for lookups makes of this.
_KEY_CHECK: Final = b"qabyldau backup"

_PIECE: Final = 1 << 20


class BackupError(Exception):
    """Says in one line why there is no backup, or why it is not restored."""


class File(Struct, frozen=True):
    bytes: int
    sha256: str


class Counts(Struct, frozen=True):
    """As of just before the copy; `registered` by state, of which those in process are in Redis too."""

    accepted: int
    in_process: int
    unregistered: int
    registered: dict[str, int]


class Manifest(Struct, frozen=True, kw_only=True):
    """`redis_at_ms`: not later than the moment that the copy of Redis shows, by its own clock."""

    format: int
    redis_at_ms: int
    redis_version: str
    sealing_keys: list[int]
    key_check: str
    counts: dict[str, Counts]
    files: dict[str, File]


class Settled(Struct, frozen=True):
    """`learnt`: acceptances that only the register had; `ended`: cases that were over by its copy."""

    learnt: int
    ended: int


async def back_up(
    folder: Path, programmes: Iterable[str], store: Store, journal: Journal, dsn: str, keyring: KeyRing
) -> Manifest:
    """Make `folder`, for its owner only, and all in it.

    Raises BackupError, CopyRefused, RegisterNotCopied, StoreUnavailable, and what the database raises.
    """
    _make(folder)
    counts = {code: await _count(code, store, journal) for code in programmes}
    redis_at_ms = await redis_time_ms(store.redis)
    await copy_redis(store.redis, folder / REDIS_FILE)
    copied = await copy_register(dsn, folder)
    manifest = Manifest(
        format=_FORMAT,
        redis_at_ms=redis_at_ms,
        redis_version=await _redis_version(store),
        sealing_keys=keyring.key_ids,
        key_check=keyring.digest(_KEY_CHECK),
        counts=counts,
        files={name: _describe(folder / name) for name in (REDIS_FILE, copied.name)},
    )
    _close(folder, manifest)
    return manifest


def read_manifest(folder: Path, keyring: KeyRing) -> Manifest:
    """Check that the backup is whole and belongs to these keys; raises BackupError."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        raise BackupError(
            f"{folder} has no {MANIFEST} that can be read: it is no backup, or not a whole one"
        ) from None
    if manifest.format != _FORMAT:
        raise BackupError(f"{folder} was made by another version: format {manifest.format}, not {_FORMAT}")
    for name, told in manifest.files.items():
        if not (folder / name).is_file() or _describe(folder / name) != told:
            raise BackupError(f"{folder / name} is not what was backed up")
    if keyring.digest(_KEY_CHECK) != manifest.key_check or not set(manifest.sealing_keys) <= set(
        keyring.key_ids
    ):
        raise BackupError("the key file is not the one of this backup: what is in it could not be read")
    return manifest


async def restore(folder: Path, keyring: KeyRing, dsn: str, redis_folder: Path) -> Manifest:
    """Put both stores where there are none.

    `redis_folder` is the `dir` of a Redis that does not run. Afterwards it is started, and `settle` comes
    before anybody is served. Raises BackupError, RegisterNotCopied, and what the database raises.
    """
    manifest = read_manifest(folder, keyring)
    await check_no_register(dsn)
    try:
        put_redis(folder / REDIS_FILE, redis_folder)
    except FileExistsError:
        raise BackupError(f"{redis_folder} has an append-only file already") from None
    await put_register(dsn, folder)
    await migrate(dsn)
    return manifest


async def settle(manifest: Manifest, programme: str, store: Store, journal: Journal, kept_ms: int) -> Settled:
    """Tell Redis what happened between the two copies, and begin a new line.

    Raises StoreUnavailable, and what the database raises.
    """
    since_ms = manifest.redis_at_ms - CLOCKS_APART_MS
    touched = await journal.touched_since(programme, since_ms)
    known = [
        Known(one.application_id, one.person, one.state, one.accepted_at_ms >= since_ms) for one in touched
    ]
    await begin_new_line(store, programme)
    return Settled(*await catch_up(store, programme, known, kept_ms))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        raise BackupError(f"{folder} is there already") from None


def _close(folder: Path, manifest: Manifest) -> None:
    """Write the manifest last, for a folder without it is no backup, and bring all of it to the disk."""
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    for file in folder.iterdir():
        file.chmod(0o600)
        _sync(file)
    _sync(folder)


async def _count(programme: str, store: Store, journal: Journal) -> Counts:
    tallied = await tally(store, programme)
    registered = {state.value: count for state, count in sorted((await journal.states(programme)).items())}
    return Counts(tallied.accepted, tallied.active, tallied.unregistered, registered)


async def _redis_version(store: Store) -> str:
    found: dict[str, Any] = await store.redis.info("server")
    return str(found.get("valkey_version") or found["redis_version"])


def _describe(file: Path) -> File:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
        return File(opened.tell(), digest.hexdigest())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
