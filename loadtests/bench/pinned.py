"""Starts a program on some cores and on a leash: it ends when whoever started it ends, however that ends."""

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from config.lifeline import die_with_parent

ROOT = Path(__file__).resolve().parents[2]


def pinned(cores: int | Collection[int], argv: Sequence[str]) -> list[str]:
    """Return the command line, to be run in ROOT, of `argv` on these cores, its threads and children too."""
    allowed = [cores] if isinstance(cores, int) else cores
    launcher = [sys.executable, "-E", "-s", "-S", "-m", "loadtests.bench.pinned"]
    return [*launcher, str(os.getpid()), ",".join(map(str, allowed)), *argv]


def main() -> None:
    parent, cores, *argv = sys.argv[1:]
    die_with_parent(int(parent))
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    os.execvp(argv[0], argv)  # noqa: S606 - the benchmark's own list of programs.


if __name__ == "__main__":
    main()
