import tomllib
from pathlib import Path
from typing import Any


def read_toml(path: Path, error: type[ValueError]) -> dict[str, Any]:
    """Raise `error` with one line that repeats nothing of the file: it may hold secrets."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as reason:
        raise error(f"{path}: cannot be read: {reason.strerror}") from None
    except UnicodeDecodeError:
        raise error(f"{path}: cannot be read: is not UTF-8") from None
    except tomllib.TOMLDecodeError as reason:
        raise error(f"{path}: is not TOML: {reason}") from None
