"""`python -m supervisor.mend FOLDER`: cuts what is damaged out of an append-only file, and nothing else.

For a server that refuses to start after a disk has changed bytes, where there is neither a replica nor a
backup. `valkey-check-aof --fix` would throw away all that comes after the first wrong byte; here a function's
writes, which stand between MULTI and EXEC, are left out as one, and the next ones are kept. The file as it
was stays beside the new one. Only the server's own marks are checked: a byte that was changed within a value
shows when the value is opened (AES-GCM), or not at all.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MULTI = b"*1\r\n$5\r\nMULTI\r\n"
_LENGTH = re.compile(rb"(\d{1,9})\r\n")
_ID = re.compile(rb"[a-z0-9]{1,16}-[a-z2-7]{26}")

# What our functions and arq write; another word is believed when it occurs more than once.
_WORDS = frozenset(
    b"SELECT MULTI EXEC FUNCTION SET PSETEX DEL UNLINK PEXPIREAT HSET HDEL HINCRBY ZADD ZREM SETBIT RPUSH "
    b"LPOP LTRIM ZREMRANGEBYSCORE".split()
)


class Command(NamedTuple):
    """Where it begins and ends in the file; `word` in capitals."""

    word: bytes
    begins: int
    ends: int


class Cut(NamedTuple):
    """Bytes that are left out, and the ids of applications that they speak of."""

    begins: int
    ends: int
    ids: tuple[str, ...]


def find_damage(data: bytes) -> list[Cut]:
    """A torn end is found as well, though the server would leave it out by itself."""
    rare = _rare_words(data)
    cuts: list[Cut] = []
    at = step = 0
    is_open = False
    while at < len(data):
        command = _read(data, at)
        if command is None or command.word in rare or (command.word == b"EXEC") > is_open:
            end = data.find(_MULTI, at + 1)
            if end < 0:
                # Nothing that could be kept comes after it.
                end = len(data)
            cuts.append(_cut(data, step, end))
            at = step = end
            is_open = False
            continue
        is_open = command.word == b"MULTI" or (is_open and command.word != b"EXEC")
        at = command.ends
        step = step if is_open else at
    return cuts


def mend(folder: Path) -> list[tuple[Path, Cut]]:
    """Mend every incremental file of a server's `appendonlydir` that needs it; return what was cut."""
    found = []
    for path in sorted(folder.glob("*.incr.aof")):
        data = path.read_bytes()
        cuts = find_damage(data)
        if cuts:
            path.rename(path.with_suffix(".aof.damaged"))
            path.write_bytes(b"".join(_kept(data, cuts)))
        found += [(path, cut) for cut in cuts]
    return found


def _read(data: bytes, at: int) -> Command | None:
    """Return None when the marks are not as the server writes them."""
    begins = at
    if data[at : at + 1] == b"#":
        # A note about the time of what follows.
        at = data.find(b"\r\n", at) + 2
    count, at = _length(data, at, b"*")
    word = b""
    for number in range(count):
        size, at = _length(data, at, b"$")
        if size < 0 or data[at + size : at + size + 2] != b"\r\n":
            return None
        word = word if number else data[at : at + size].upper()
        at += size + 2
    return Command(word, begins, at) if count > 0 else None


def _length(data: bytes, at: int, mark: bytes) -> tuple[int, int]:
    match = _LENGTH.match(data, at + 1) if data[at : at + 1] == mark else None
    return (int(match[1]), match.end()) if match else (-1, at)


def _rare_words(data: bytes) -> set[bytes]:
    words: Counter[bytes] = Counter()
    at = 0
    while at >= 0:
        command = _read(data, at)
        if command:
            words[command.word] += 1
        at = command.ends if command else data.find(_MULTI, at + 1)
        if at >= len(data):
            break
    return {word for word, times in words.items() if times == 1} - _WORDS


def _cut(data: bytes, begins: int, ends: int) -> Cut:
    ids = sorted({match.decode() for match in _ID.findall(data, begins, ends)})
    return Cut(begins, ends, tuple(ids))


def _kept(data: bytes, cuts: list[Cut]) -> Iterator[bytes]:
    at = 0
    for cut in cuts:
        yield data[at : cut.begins]
        at = cut.ends
    yield data[at:]


def main() -> None:
    (folder,) = sys.argv[1:]
    found = mend(Path(folder))
    for path, cut in found:
        ids = ", ".join(cut.ids) or "none"
        sys.stdout.write(f"{path.name}: bytes {cut.begins} to {cut.ends} left out; applications: {ids}\n")
    sys.stdout.write("nothing is damaged\n" if not found else "start the server, then reconcile\n")


if __name__ == "__main__":
    main()
