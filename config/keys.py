"""The keys that seal personal data, make look-ups and sign webhooks. Who loses the file loses the data."""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from config.toml import read_toml

KEY_BYTES = 32
MAX_KEY_ID = 255

HEAD = """\
# Keys of this installation. Keep a copy in a safe place: without them no application can be read again.
# A new sealing key is added under the next number and made active; old ones stay, to open what they sealed.
"""


class KeysError(ValueError):
    """Names the file, the key's name and the reason in one line, and never a key."""


class Keys(Struct, frozen=True):
    sealing: dict[int, bytes]
    active: int
    lookup: bytes
    webhook: bytes

    def __repr__(self) -> str:
        return f"Keys(sealing={sorted(self.sealing)}, active={self.active})"


def load_keys(path: Path) -> Keys:
    """Raise KeysError."""
    table = read_toml(path, KeysError)
    if unknown := table.keys() - {"active", "lookup", "webhook", "sealing"}:
        raise KeysError(f"{path}: {min(unknown)}: unknown key, expected active, lookup, webhook, [sealing]")
    sealing = _sealing(path, table.get("sealing"))
    active = table.get("active")
    # The type too: TOML's true would pass for 1.
    if type(active) is not int or active not in sealing:
        raise KeysError(f"{path}: active: expected the number of a key under [sealing]")
    lookup, webhook = (_key(path, name, table.get(name)) for name in ("lookup", "webhook"))
    return Keys(sealing, active, lookup, webhook)


def create_keys(path: Path) -> Keys:
    """Make the file if there is none; of processes that try at once, all read what the first one made.

    Raises KeysError.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, _text(_fresh()))
    except OSError as reason:
        raise KeysError(f"{path}: cannot be made: {reason.strerror}") from None
    return load_keys(path)


def add_key(path: Path, *, active: bool) -> int:
    """Put a new sealing key under the next number and, if told so, make it the one that seals; return it.

    Raises KeysError.
    """

    def add(keys: Keys) -> Keys:
        number = max(keys.sealing) + 1
        if number > MAX_KEY_ID:
            raise KeysError(f"{path}: sealing: number {MAX_KEY_ID} is taken, and there is none above it")
        sealing = {**keys.sealing, number: secrets.token_bytes(KEY_BYTES)}
        return replace(keys, sealing=sealing, active=number if active else keys.active)

    return max(_change(path, add).sealing)


def activate_key(path: Path, number: int) -> None:
    """Let a key that is there already be the one that seals. Raises KeysError."""

    def activate(keys: Keys) -> Keys:
        if number not in keys.sealing:
            raise KeysError(f"{path}: sealing: there is no key {number}")
        return replace(keys, active=number)

    _change(path, activate)


def _change(path: Path, change: Callable[[Keys], Keys]) -> Keys:
    """Replace the file whole; of several that try at once, each goes on from what the one before wrote."""
    # The file itself, were it reached by a link.
    path = path.resolve()
    try:
        with _locked(path.parent):
            keys = change(load_keys(path))
            owner = path.stat()
            with _draft(path, _text(keys)) as draft:
                # Whoever runs the service must be able to read it, whoever has changed it.
                os.chown(draft, owner.st_uid, owner.st_gid)
                draft.replace(path)
                _sync_folder(path.parent)
    except OSError as reason:
        raise KeysError(f"{path}: cannot be changed: {reason.strerror}") from None
    return keys


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sealing(path: Path, table: object) -> dict[int, bytes]:
    if not isinstance(table, Mapping) or not table:
        raise KeysError(f"{path}: sealing: expected a table [sealing] with at least one key")
    return {_key_id(path, name): _key(path, f"sealing.{name}", value) for name, value in table.items()}


def _key_id(path: Path, name: str) -> int:
    if name.isascii() and name.isdigit() and str(int(name)) == name and int(name) <= MAX_KEY_ID:
        return int(name)
    raise KeysError(f"{path}: sealing: a key's name is expected to be a number from 0 to {MAX_KEY_ID}")


def _key(path: Path, name: str, value: Any) -> bytes:
    try:
        key = bytes.fromhex(value)
    except (TypeError, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeysError(f"{path}: {name}: expected {KEY_BYTES} bytes as {2 * KEY_BYTES} hexadecimal digits")
    return key


def _fresh() -> Keys:
    lookup, webhook, first = (secrets.token_bytes(KEY_BYTES) for _ in range(3))
    return Keys({1: first}, 1, lookup, webhook)


def _text(keys: Keys) -> str:
    sealing = "".join(f'{number} = "{key.hex()}"\n' for number, key in sorted(keys.sealing.items()))
    lookup, webhook = keys.lookup.hex(), keys.webhook.hex()
    return f'{HEAD}active = {keys.active}\nlookup = "{lookup}"\nwebhook = "{webhook}"\n\n[sealing]\n{sealing}'


def _write_once(path: Path, text: str) -> None:
    # A hard link appears whole or not at all and never replaces what is there, which a rename would.
    with suppress(FileExistsError), _draft(path, text) as draft:
        path.hardlink_to(draft)
        _sync_folder(path.parent)


@contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    """Write a file beside `path`, for its owner only, that is on disk and gone afterwards unless renamed."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name in the folder as durable as the file: keys must not vanish in a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
