"""`python -m loadtests.bench`: measures the door and what it is compared with, one row after the other.

It measures and does not judge: a target that is missed is shown, and the exit code is 0. It is 1 when a row
could not be measured.
"""

import argparse
import asyncio
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from loadtests.bench.chart import draw
from loadtests.bench.figures import Figure, write_bench
from loadtests.bench.http_cases import CASES as HTTP_CASES
from loadtests.bench.http_measure import say
from loadtests.bench.pinned import ROOT
from loadtests.bench.plan import BenchPlan, Case, NotRun, usable_cores
from loadtests.bench.redis_cases import CASES as REDIS_CASES
from loadtests.bench.report import plan_of, surroundings, table

CASES: dict[str, Case] = {**HTTP_CASES, **REDIS_CASES}

_OUT = ROOT / "build"


def main() -> None:
    asked = _arguments()
    cores = usable_cores()
    _OUT.mkdir(exist_ok=True)
    # Not in the folder for temporary files, which may be memory: there, a write is durable for nothing.
    with tempfile.TemporaryDirectory(dir=_OUT) as folder:
        plan = BenchPlan(Path(folder), cores[0], cores[-1], asked.repetitions, asked.seconds)
        say(plan_of(plan))
        figures, failures = asyncio.run(_measure(plan, asked.only))
    found = "\n".join([table(figures), "", *failures, surroundings(plan), ""])
    write_bench(_OUT / "bench.json", figures)
    (_OUT / "bench.svg").write_text(draw(figures))
    (_OUT / "bench.txt").write_text(found)
    sys.stdout.write(found)
    sys.exit(1 if failures else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench", description="Measure the door")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), help="some rows")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each measurement takes")
    return parser.parse_args()


async def _measure(plan: BenchPlan, names: Sequence[str]) -> tuple[list[Figure], list[str]]:
    """Return the figures, and a line for each row that could not be measured."""
    figures: list[Figure] = []
    failures = []
    for name in names:
        say(name)
        try:
            figures += await CASES[name](plan)
        except NotRun as reason:
            failures.append(f"not run  {name}: {reason}")
        except Exception as error:  # noqa: BLE001 - The figures of the other rows are not lost with this one.
            failures.append(f"failed   {name}: {type(error).__name__}: {error}")
            traceback.print_exc()
    return figures, failures


if __name__ == "__main__":
    main()
