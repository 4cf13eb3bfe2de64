"""`python -m loadtests.chaos`: does to the system what the fault table says, one row after the other.

Exit code 0 only if every row that was run held; one that cannot be run here is no failure, and says why.
"""

import argparse
import asyncio
import importlib
import pkgutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec

from loadtests.chaos import rows
from loadtests.chaos.book import FOLDER, draw, write_line
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT

# The slowest row takes a few minutes; whoever hangs is stopped.
_LIMIT_SECONDS = 900.0


def main() -> None:
    asked = _arguments()
    found = discover()
    chosen = [row for row in found if not asked.row or row.number in asked.row]
    if missing := set(asked.row) - {row.number for row in found}:
        sys.exit(f"there is no row {', '.join(map(str, sorted(missing)))}")
    verdicts = []
    for row in chosen:
        _say(f"row {row.number:>2}  {row.title} … ")
        measured = asyncio.run(measure(row, asked.limit_seconds))
        _say(f"{measured.verdict}: {measured.says}\n")
        write_line(row, measured, asked.out)
        draw(found, asked.out)
        verdicts.append(measured.verdict)
    _say(", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict) + "\n")
    sys.exit(1 if Verdict.BROKEN in verdicts else 0)


def discover() -> list[Row]:
    """Return all rows by number. Raises ValueError when two have the same."""
    names = [module.name for module in pkgutil.iter_modules(rows.__path__)]
    found: dict[int, Row] = {}
    for name in sorted(name for name in names if name.startswith("row_")):
        row: Row = importlib.import_module(f"{rows.__name__}.{name}").ROW
        if row.number in found:
            raise ValueError(f"there are two rows {row.number}")
        found[row.number] = row
    return [found[number] for number in sorted(found)]


async def measure(row: Row, limit_seconds: float = _LIMIT_SECONDS) -> Measured:
    """Run it in an empty folder of its own; a row that crashes or hangs is broken, and says with what."""
    began = time.monotonic()
    # Not in the folder for temporary files, which may be memory: there, a write is durable for nothing.
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"row-{row.number}-", dir=ROOT / "build") as folder:
        try:
            async with asyncio.timeout(limit_seconds):
                measured = await row.run(Path(folder))
        except TimeoutError as error:
            traceback.print_exc()
            return _broken(f"Not done after {time.monotonic() - began:.0f} s. {error}".strip())
        except Exception as error:  # noqa: BLE001 - Whatever it was, the other rows are run.
            traceback.print_exc()
            return _broken(f"{type(error).__name__}: {_first_line(error)}")
    if measured.seconds is not None:
        return measured
    return msgspec.structs.replace(measured, seconds=time.monotonic() - began)


def _first_line(error: Exception) -> str:
    # Of several that failed at once, the first says it.
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return (str(error).strip().splitlines() or [""])[-1][:300]


def _broken(says: str) -> Measured:
    return Measured(verdict=Verdict.BROKEN, says=says)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.chaos", description="Break it, and look")
    parser.add_argument(
        "--row", nargs="+", action="extend", type=int, default=[], metavar="N", help="some rows"
    )
    parser.add_argument("--limit-seconds", type=float, default=_LIMIT_SECONDS, help="for each row")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where faults.json and faults.md go")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
