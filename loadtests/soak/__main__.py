"""`python -m loadtests.soak`: half an hour just below capacity, with a fault every two minutes.

Exit code 0: nothing was lost, and no process is shown to grow. 1: otherwise. 2: a wrong call.
"""

import argparse
import sys
import time
from pathlib import Path

from loadtests.soak.growth import Growing, growths
from loadtests.soak.page import write_page
from loadtests.soak.plan import soak_profile
from loadtests.soak.processes import read_seen, watching
from loadtests.surge.__main__ import say
from loadtests.surge.capacity import NoCapacity
from loadtests.surge.generator import GeneratorError, Swarming
from loadtests.surge.rehearsal import Judged, Options, rehearse
from loadtests.surge.service import ROOT, ServiceError

_MINUTES = 30.0

# Below it there is no fault.
_LEAST_MINUTES = 2.0

# Chance that can be repeated.
_SEED = 42_500

_FAILED, _INTERRUPTED = 1, 130


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=_MINUTES, help="how long (30)")
    parser.add_argument("--capacity", type=float, metavar="N", help="people per second; default: measured")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "evidence" / "soak.md")
    arguments = parser.parse_args()
    if arguments.minutes < _LEAST_MINUTES:
        parser.error(f"--minutes: Expected {_LEAST_MINUTES:g} or more")
    out = ROOT / "build" / "soak" / time.strftime("%Y%m%d-%H%M%S")
    out.mkdir(parents=True)
    options = Options(
        out=out,
        swarming=Swarming(processes=1, expect_workers=0, web_port=None),
        seed=_SEED,
        first_person=0,
        people_per_second=arguments.capacity,
    )
    try:
        with watching(out / "processes.jsonl"):
            (judged,) = rehearse([soak_profile(arguments.minutes)], options, say)
    except (GeneratorError, NoCapacity, ServiceError) as failure:
        sys.stderr.write(f"{failure}\n")
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return _report(judged, out / "processes.jsonl", arguments.page)


def _report(judged: Judged, samples: Path, page: Path) -> int:
    run = judged.run
    seconds = run.profile.duration_seconds * 1_000_000
    grown = list(
        growths(
            seen for seen in read_seen(samples) if run.began_at_us <= seen.at_us <= run.began_at_us + seconds
        )
    )
    held = judged.held and not any(one.verdict is Growing.GROWS for one in grown)
    page.write_text(write_page(run, judged.verdicts, grown, held=held))
    for verdict in judged.verdicts:
        mark = "held  " if verdict.held else "BROKEN"
        say(f"  {mark}  {verdict.name:24}{verdict.found:>12}   {verdict.expected}")
    for one in grown:
        say(f"  {one.verdict:10}  {one.role}")
    say(f"soak: {'held' if held else 'BROKEN'}: {page}")
    return 0 if held else _FAILED


if __name__ == "__main__":
    sys.exit(main())
