"""The keys that seal personal data, make look-ups and sign webhooks. Who loses the file loses the data."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

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
            _write_once(path, _fresh())
    except OSError as reason:
        raise KeysError(f"{path}: cannot be made: {reason.strerror}") from None
    return load_keys(path)


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


def _fresh() -> str:
    lookup, webhook, first = (secrets.token_hex(KEY_BYTES) for _ in range(3))
    return f'{HEAD}active = 1\nlookup = "{lookup}"\nwebhook = "{webhook}"\n\n[sealing]\n1 = "{first}"\n'


def _write_once(path: Path, text: str) -> None:
    # A hard link appears whole or not at all and never replaces what is there, which a rename would.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        path.hardlink_to(draft)
        _sync_folder(path.parent)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name in the folder as durable as the file: keys must not vanish in a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
