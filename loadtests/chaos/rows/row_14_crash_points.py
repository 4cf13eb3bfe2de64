"""Row 14: a worker dies at every boundary between two effects; a test does it, one process a boundary."""

import asyncio
import re
import sys
from pathlib import Path

from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT

_TEST = "tests/integration/workers/test_crash_points.py"


async def run(folder: Path) -> Measured:
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-n0",
            f"--basetemp={folder / 'test'}",
        ),
        _TEST,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    text = said.decode(errors="replace")
    if "No module named pytest" in text:
        return Measured(verdict=Verdict.NOT_RUN, says="pytest is not installed here.")
    passed, failed = (_count(text, word) for word in ("passed", "failed"))
    return Measured(
        verdict=Verdict.HELD if passed and not process.returncode else Verdict.BROKEN,
        says=f"{_TEST}: {passed} ways to a crash held, {failed} did not; a case each.",
        acknowledged=passed + failed,
        lost=failed,
        doubled=0 if not failed else None,
    )


def _count(text: str, word: str) -> int:
    found = re.search(rf"(\d+) {word}", text)
    return int(found[1]) if found else 0


ROW = Row(
    number=14,
    title="a worker dies at every boundary between two effects",
    expected="the next one finishes; each effect once",
    broken_once="With Redis written before the register when a case is refused, 3 of 33 did not hold.",
    run=run,
)
