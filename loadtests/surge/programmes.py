"""The programme's file for a run: the one that is in force, with what the profile overrides."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config.settings import CONFIG_DIR
from gateway.domain.programme import ProgrammeError
from gateway.domain.tables import read_table

PROGRAMME = "42500"


def write_programme(folder: Path, overrides: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the file into a folder for QABYLDAU_PROGRAMMES_DIR; `overrides` are laid over its tables.

    Whether the outcome is a valid programme, the service says when it starts. Raises ProgrammeError.
    """
    name = f"{PROGRAMME}.toml"
    tables = read_table(CONFIG_DIR / "programmes" / name, ProgrammeError)
    for table, values in overrides.items():
        tables[table] = {**tables.get(table, {}), **values}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(_lines(tables)), "utf-8")


def _lines(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """Write TOML: the standard library only reads it. A text is written as in JSON, which is valid TOML."""
    if path:
        yield f"\n[{'.'.join(path)}]"
    for name, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _lines(value, (*path, name))
