"""How a run is laid out: where it works, on which cores, how often and how long each thing is measured."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from loadtests.bench.figures import Figure


class BenchPlan(msgspec.Struct, frozen=True):
    """`work_dir` is a folder of the run's own; `server_core` is kept for the server that is measured.

    On a machine with one core both cores are the same, and no ratio should be believed.
    """

    work_dir: Path
    server_core: int
    client_core: int
    repetitions: int = 3
    seconds: float = 5.0


Case = Callable[[BenchPlan], Awaitable[list[Figure]]]


class NotRun(Exception):
    """A row could not be measured here; the text says why, for people."""


def usable_cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))
