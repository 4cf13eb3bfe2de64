"""`python -m loadtests.sizing`: what to start for a country, by a model held against what was measured.

Exit code 0; 2: a wrong call.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from loadtests.chaos.service import ROOT, ServiceError
from loadtests.sizing.compare import compare
from loadtests.sizing.costs import Costs, read_costs, write_costs
from loadtests.sizing.country import Country, Plan, plan_for
from loadtests.sizing.measure import MeasureError, measure
from loadtests.surge.profiles import Process

_PEOPLE = 500
_WRONG = 2


def main() -> int:
    arguments = _parser().parse_args()
    try:
        if arguments.measure:
            _measure()
        elif arguments.run:
            for folder in arguments.run:
                _say(f"{folder.name}\n{_table(_besides(folder, read_costs()))}\n")
        else:
            country = msgspec.convert(
                {field: getattr(arguments, field) for field in Country.__struct_fields__}, Country
            )
            _say(_words(country, plan_for(country, read_costs())))
    except (MeasureError, ServiceError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG
    return 0


def _measure() -> None:
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sizing-", dir=ROOT / "build") as folder:
        machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
        costs = asyncio.run(measure(Path(folder), _PEOPLE, machine))
    write_costs(costs)
    _say(costs_table(costs))


def costs_table(costs: Costs) -> str:
    rows = [("a step costs, µs of a processor", *Process)]
    rows += [(step, *(f"{each[part]:,.0f}" for part in Process)) for step, each in costs.steps.items()]
    rows += [("a second without anybody", *(f"{costs.idle[part]:,.0f}" for part in Process))]
    return _table(rows)


def _besides(folder: Path, costs: Costs) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [("", "predicted", "measured", "ratio")]
    for one in compare(folder, costs):
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        rows.append((one.what, f"{one.predicted:,.1f} {one.unit}", f"{one.measured:,.1f} {one.unit}", ratio))
    return rows


def _words(country: Country, plan: Plan) -> str:
    morning = plan.morning
    head = (
        f"{country.people:,} people in {country.day_hours:g} hours, {country.first_minute:,} of them in the "
        f"first minute; {country.slots:,} slots held for {country.hold_seconds:g} s each\n"
        f"through: {country.slots / country.hold_seconds:,.0f} people a second at most\n"
        f"in line: {morning.most_waiting:,.0f} at most, who wait {morning.longest_wait_seconds / 60:,.1f} "
        f"minutes at most\n"
        f"the last is through after {morning.seconds / 3600:.1f} hours\n\n"
    )
    busiest = [("in its busiest second", "")] + [
        (step, f"{count:,.0f}") for step, count in plan.busiest.items() if count
    ]
    needs = [("start", "", "load", "one carries", "")] + [
        (need.what, f"{need.processes}", f"{need.load:.2f}", f"{need.carries:,.0f}/s", need.why)
        for need in plan.needs
    ]
    return f"{head}{_table(busiest)}\n{_table(needs)}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _say(text: str) -> None:
    sys.stdout.write(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.sizing", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--measure", action="store_true", help="measure again what each step costs")
    what.add_argument("--run", type=Path, nargs="+", metavar="FOLDER", help="hold surges against the model")
    usual = Country()
    for field in Country.__struct_fields__:
        value = getattr(usual, field)
        name = f"--{field.replace('_', '-')}"
        parser.add_argument(name, type=type(value), default=value, metavar="N", help=f"{value:,}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
