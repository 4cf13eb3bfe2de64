"""`python -m loadtests.surge`: rehearse the morning of an announcement, and say whether the service held.

Exit code 0: every check and threshold held. 1: one did not, or a run did not come about. 2: a wrong call.
"""

import argparse
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtests.surge.capacity import NoCapacity
from loadtests.surge.generator import GeneratorError, Swarming
from loadtests.surge.page import PAGE
from loadtests.surge.page import keep as keep_page
from loadtests.surge.profiles import Profile, ProfileError, load_profiles
from loadtests.surge.rehearsal import PEOPLE_PER_RUN, Elsewhere, Options, rehearse
from loadtests.surge.service import ROOT, ServiceError

# What `make surge` runs: sized for two cores and six minutes.
STANDARD = ("announcement", "retry_storm", "duplicates", "patient_crowd", "worker_killed")

_WEB_PORT = 8089

# Chance that can be repeated.
_SEED = 42_500

# A rehearsal elsewhere has people who have most likely not been there before: one of four hundred crowds.
_CROWDS = 400

_FAILED, _WRONG_CALL, _INTERRUPTED = 1, 2, 130


def main() -> int:
    arguments = _parser().parse_args()
    try:
        known = load_profiles()
        if arguments.list:
            for profile in known.values():
                say(f"{profile.name:20}{profile.description}")
            return 0
        profiles = _chosen(known, arguments)
    except ValueError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return _WRONG_CALL
    try:
        return _rehearse(profiles, _options(arguments), keep=arguments.keep)
    except (GeneratorError, NoCapacity, ServiceError) as failure:
        sys.stderr.write(f"{failure}\n")
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _rehearse(profiles: Sequence[Profile], options: Options, *, keep: bool) -> int:
    has_held = True
    for judged in rehearse(profiles, options, say):
        for verdict in judged.verdicts:
            mark = "held  " if verdict.held else "BROKEN"
            say(f"  {mark}  {verdict.name:24}{verdict.found:>12}   {verdict.expected}")
        say(f"{judged.run.profile.name}: {'held' if judged.held else 'BROKEN'}: {judged.run.folder}")
        has_held &= judged.held
        if keep:
            keep_page(judged.run, judged.run.folder / PAGE)
    return 0 if has_held else _FAILED


def _chosen(known: Mapping[str, Profile], arguments: argparse.Namespace) -> list[Profile]:
    names = arguments.profile or (STANDARD[:1] if arguments.ui else STANDARD)
    if unknown := set(names) - set(known):
        raise ProfileError(f"there is no profile {', '.join(sorted(unknown))}; --list shows them")
    if bool(arguments.url) != bool(arguments.standins):
        raise ProfileError("--url and --standins go together: people get their SMS from the stand-ins")
    profiles = [known[name] for name in names]
    for profile in profiles:
        if arguments.url and profile.needs_this_machine:
            raise ProfileError(f"{profile.name} reaches into the service, which one at --url does not allow")
    return profiles


def _options(arguments: argparse.Namespace) -> Options:
    elsewhere = Elsewhere(arguments.url, arguments.standins) if arguments.url else None
    return Options(
        out=arguments.out.absolute() / time.strftime("%Y%m%d-%H%M%S"),
        swarming=Swarming(
            processes=arguments.processes,
            expect_workers=arguments.expect_workers,
            web_port=_WEB_PORT if arguments.ui else None,
        ),
        seed=arguments.seed,
        first_person=random.randrange(_CROWDS) * PEOPLE_PER_RUN if elsewhere else 0,  # noqa: S311 - chance, not a secret.
        elsewhere=elsewhere,
        people_per_second=arguments.capacity,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.surge", description=__doc__)
    parser.add_argument("--profile", action="append", metavar="NAME", help=f"default: {', '.join(STANDARD)}")
    parser.add_argument("--list", action="store_true", help="say which profiles there are")
    parser.add_argument("--url", help="a service that runs already; default: one is started for each run")
    parser.add_argument("--standins", metavar="URL", help="the stand-ins behind the service at --url")
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="Locust processes on this machine"
    )
    parser.add_argument(
        "--expect-workers",
        type=int,
        default=0,
        metavar="N",
        help="be the master of N workers started by hand",
    )
    parser.add_argument("--ui", action="store_true", help=f"Locust's page at http://127.0.0.1:{_WEB_PORT}")
    parser.add_argument(
        "--capacity", type=float, metavar="N", help="people per second; default: measured first"
    )
    parser.add_argument("--seed", type=int, default=_SEED, help="the same seed, the same crowd")
    parser.add_argument("--keep", action="store_true", help="keep the pages under docs/evidence")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "surge", help="where runs are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
