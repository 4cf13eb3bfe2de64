"""Starts a program that ends when its parent ends, however the parent ends.

Run between fork and exec: a `preexec_fn` would run Python in a forked copy of a process that may have
threads.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from config.lifeline import die_with_parent

ROOT = Path(__file__).resolve().parent.parent


def leashed(argv: Sequence[str]) -> list[str]:
    """Return the command line, to be run in ROOT, of `argv` on a leash held by the calling thread.

    The kernel pulls when the *thread* that forked ends, so call this from one that lives on. Linux only:
    elsewhere the program runs free.
    """
    # Without site-packages and the user's variables Python is up in a few milliseconds.
    return [sys.executable, "-E", "-s", "-S", "-m", "supervisor.leash", str(os.getpid()), *argv]


def main() -> None:
    parent, *argv = sys.argv[1:]
    die_with_parent(int(parent))
    try:
        os.execvp(argv[0], argv)  # noqa: S606 -- the supervisor's own list of children.
    except OSError as error:
        sys.exit(f"cannot start {argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
