"""Row 38: what a system may send instead of an answer. Proved by tests, whose counts are taken."""

import asyncio
import re
import sys
from pathlib import Path

from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT

_TESTS = (
    "tests/integration/workers/test_bad_answers.py",
    "tests/integration/standins/test_clients_under_faults.py",
    "tests/unit/systems/test_fetch.py",
)
_PASSED = re.compile(r"(\d+) passed")


async def run(folder: Path) -> Measured:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-n0", f"--basetemp={folder}", *_TESTS),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    passed = _PASSED.search(printed.decode(errors="replace"))
    count = int(passed[1]) if passed else 0
    return Measured(
        verdict=Verdict.BROKEN if process.returncode else Verdict.HELD,
        says=f"{count} tests passed: trickled, cut short, 50 MB, another shape, 200 with an error, a gzip "
        "bomb, each from each system and through a whole case. Trickled and cut short: tried again, and "
        "parked in time. Others: a dead letter after ten tries that says why, replayed.",
    )


ROW = Row(
    number=38,
    title="replies trickled, cut short, of 50 MB, of another shape, 200 with an error, a gzip bomb",
    expected="read within bounds; a dead letter that says why, or tried again",
    broken_once="Without the bound of 64 KiB two tests were red; when a dead letter did not say why, eight.",
    run=run,
)
