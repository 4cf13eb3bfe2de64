import subprocess
import sys

import pytest

from gateway.inflight.library import load_library
from loadtests.surge.mutants.breaking import VARIABLE
from loadtests.surge.mutants.breaks import BREAKS, LUA
from loadtests.surge.mutants.catalogue import CONTROL, MUTANTS
from loadtests.surge.mutants.trial import INSIDE, Outcome
from loadtests.surge.service import ROOT

# Imports what a mutant breaks, and fails when it cannot be broken any more.
PROGRAM = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    module = import_module(name)
    if name == "gateway.inflight.library":
        module.load_library()
"""


def import_broken(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *BREAKS[name]],
        cwd=ROOT,
        env={"PYTHONPATH": f"{INSIDE}:{ROOT}", VARIABLE: name},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", LUA)
def test_what_a_mutant_changes_stands_in_the_functions_once(name: str) -> None:
    old, new = LUA[name]

    assert load_library().source.count(old) == 1
    assert old != new


@pytest.mark.parametrize("name", BREAKS)
def test_every_mutant_can_still_be_made(name: str) -> None:
    done = import_broken(name)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_break_belongs_to_a_mutant_and_each_mutant_to_a_rule() -> None:
    assert {name for mutant in MUTANTS for name in mutant.breaks} == set(BREAKS)
    assert [mutant for mutant in MUTANTS if mutant.rule is None] == [CONTROL]


def test_a_mutant_counts_as_caught_by_its_own_rule_only() -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.rule)
    assert mutant.rule

    assert Outcome(mutant, {mutant.rule: "1"}, 1).is_right
    assert not Outcome(mutant, {"another": "1"}, 1).is_right
    assert not Outcome(mutant, {mutant.rule: "1"}, 1, error="did not start").is_right
    assert Outcome(CONTROL, {}, 1).is_right
    assert not Outcome(CONTROL, {"any": "1"}, 1).is_right
    assert not Outcome(CONTROL, {}, 1, error="did not start").is_right
