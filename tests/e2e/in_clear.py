"""Is anything personal in clear on disk? In logs, Redis' files, the register, counts."""

import os
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.stack import Stack


def files_of(stack: Stack) -> dict[str, bytes]:
    paths = [Path(folder) / name for folder, _, names in os.walk(stack.data_dir) for name in names]
    assert {"service.log", "register.db"} <= {path.name for path in paths}
    assert any(path.name.endswith(".aof") and path.stat().st_size for path in paths)
    return {path.name: path.read_bytes() for path in paths}


def found_in_clear(stack: Stack, needles: Iterable[bytes]) -> list[str]:
    """Return where; what was found is not repeated."""
    wanted = list(needles)
    return [
        f"{name}: {needle[:4].decode(errors='replace')}…"
        for name, content in files_of(stack).items()
        for needle in wanted
        if needle in content
    ]
