"""Reading a TOML file so that whatever is wrong with it becomes one clear line."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def read_table(path: Path, error: type[ValueError]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as reason:
        raise error(f"{path}: cannot be read: {_in_one_line(reason)}") from reason
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{path}: is not TOML: {_in_one_line(reason)}") from reason


def convert_table(path: Path, key: str, table: object, type_: type[T], error: type[ValueError]) -> T:
    """Turn `table`, found under `key` in the file (empty: the whole file), into `type_`."""
    try:
        return msgspec.convert(table, type_)
    except msgspec.ValidationError as reason:
        message, _, where = str(reason).partition(" - at `$")
        name = (key + where.removesuffix("`")).strip(".") or "the file"
        raise error(f"{path}: {name}: {message}") from reason


def _in_one_line(reason: Exception) -> str:
    return " ".join(str(reason).split())
