"""`python -m loadtests.surge.mutants`: break the system on purpose, and see that the oracle notices.

Exit code 0: the system as it is was found right, and every mutant was caught by the rule that is there for
it. 1: not so. 2: a wrong call.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loadtests.surge.generator import GeneratorError
from loadtests.surge.mutants.catalogue import MUTANTS, Mutant
from loadtests.surge.mutants.trial import Outcome, try_mutant
from loadtests.surge.service import ROOT, ServiceError

# A trial mostly waits: for processes to start, for people to read and type.
_AT_ONCE = 4

_FAILED, _WRONG_CALL, _INTERRUPTED = 1, 2, 130


def main() -> int:
    known = {mutant.name: mutant for mutant in MUTANTS}
    arguments = _parser().parse_args()
    if unknown := set(arguments.only or ()) - set(known):
        sys.stderr.write(f"there is no mutant {', '.join(sorted(unknown))}: there are {', '.join(known)}\n")
        return _WRONG_CALL
    mutants = [known[name] for name in arguments.only or known]
    folder = arguments.out.absolute() / time.strftime("mutants-%Y%m%d-%H%M%S")
    _say(f"{'mutant':32}{'':10}{'caught by':30}{'seconds':>8}   also broken")
    outcomes = list[Outcome]()
    try:
        with ThreadPoolExecutor(arguments.at_once) as pool:
            for outcome in pool.map(lambda mutant: _try(mutant, folder / mutant.name), mutants):
                outcomes.append(outcome)
                _say(_line(outcome))
    except KeyboardInterrupt:
        return _INTERRUPTED
    _say(_sum(outcomes, folder))
    return 0 if all(outcome.is_right for outcome in outcomes) else _FAILED


def _try(mutant: Mutant, folder: Path) -> Outcome:
    try:
        return try_mutant(mutant, folder)
    except (GeneratorError, ServiceError) as error:
        return Outcome(mutant, {}, 0, error=str(error))


def _line(outcome: Outcome) -> str:
    mutant = outcome.mutant
    if outcome.error:
        return f"{mutant.name:32}NO TRIAL  {outcome.error.splitlines()[-1]}"
    word = ("held" if mutant.rule is None else "caught") if outcome.is_right else "WRONG"
    others = ", ".join(name for name in outcome.broken if name != mutant.rule)
    rule = (mutant.rule if mutant.rule in outcome.broken else None) or "–"
    return f"{mutant.name:32}{word:10}{rule:30}{outcome.seconds:8.1f}   {others}"


def _sum(outcomes: Sequence[Outcome], folder: Path) -> str:
    mutants = [outcome for outcome in outcomes if outcome.mutant.rule]
    caught = sum(outcome.is_right for outcome in mutants)
    return f"{caught} of {len(mutants)} mutants caught: {folder}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.surge.mutants", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="default: all, and the control")
    parser.add_argument("--at-once", type=int, default=_AT_ONCE, metavar="N", help="trials at the same time")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "surge", help="where trials are kept")
    return parser


if __name__ == "__main__":
    sys.exit(main())
