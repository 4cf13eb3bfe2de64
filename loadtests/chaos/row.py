"""A row of the fault table: what is done to the system, and what came of it."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path

from msgspec import Struct


class Verdict(StrEnum):
    HELD = "held"
    BROKEN = "broken"
    NOT_RUN = "not run"


class Measured(Struct, frozen=True, kw_only=True):
    """What a row saw. None: the row has no such figure.

    `says`: one or two sentences with the other figures, or why not run.
    """

    verdict: Verdict
    says: str
    acknowledged: int | None = None
    lost: int | None = None
    doubled: int | None = None
    seconds: float | None = None


class Row(Struct, frozen=True, kw_only=True):
    """`run` gets an empty folder of its own and leaves no process behind, whatever happens."""

    number: int
    title: str
    expected: str
    broken_once: str
    run: Callable[[Path], Awaitable[Measured]]
    cheap: bool = False
