"""The Lua beside us, made into one Redis function library.

Functions, not scripts: they live in the append-only file and on replicas, so a restart or a failover keeps
them, and each carries its own flags (`allow-oom` for what frees). Names hold a hash of the source, so two
versions of the gateway can serve the same data side by side while one replaces the other.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

_HERE = Path(__file__).parent
# In this order: each uses those before it.
_SHARED = ("_shared.lua", "_limits.lua", "_codes.lua", "_waiting.lua")
_HEADER = re.compile(r"^-- (KEYS|ARGV|ITEM|FLAGS) (.+)$", re.MULTILINE)


class Verb(msgspec.Struct, frozen=True):
    """One atomic function: its name in Redis, and its arguments in the order of its Lua's header."""

    name: str
    function: str
    argv: tuple[str, ...]
    item: tuple[str, ...]

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        """Put named values in the order of the header; a KeyError names what is missing."""
        if len(values) != len(self.argv):
            raise KeyError(f"{self.name} takes {self.argv}, got {tuple(values)}")
        return [values[name] for name in self.argv]


class Library(msgspec.Struct, frozen=True):
    source: str
    verbs: dict[str, Verb]


@cache
def load_library() -> Library:
    """Read every verb once; the same files always make the same library."""
    shared = "\n".join((_HERE / name).read_text() for name in _SHARED)
    texts = {path.stem: path.read_text() for path in sorted(_HERE.glob("[a-z]*.lua"))}
    digest = hashlib.sha256("\0".join([shared, *texts.values()]).encode()).hexdigest()[:8]
    verbs, parts = {}, [f"#!lua name=qabyldau_{digest}", shared]
    for name, text in texts.items():
        header = {key: tuple(names.split()) for key, names in _HEADER.findall(text)}
        verb = Verb(name, f"qabyldau_{digest}_{name}", header.get("ARGV", ()), header.get("ITEM", ()))
        values = f"{_lua_reader(verb.argv)}, {len(verb.argv)}"
        items = f"{_lua_reader(verb.item)}, {max(len(verb.item), 1)}"
        flags = ", ".join(f"'{flag}'" for flag in header.get("FLAGS", ()))
        call = f"register('{verb.function}', {name}, {values}, {items}, {{{flags}}})"
        parts.append(f"do\n{text}\n{call}\nend")
        verbs[name] = verb
    return Library("\n".join(parts), verbs)


def _lua_reader(names: tuple[str, ...]) -> str:
    """Write a function that names arguments. A table written out is made as large as it will be, at once."""
    fields = ", ".join(f"{name} = args[before + {at}]" for at, name in enumerate(names, 1))
    return f"function(args, before) return {{{fields}}} end"
