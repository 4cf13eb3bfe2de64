from pathlib import Path

import pytest

from loadtests.surge.checks import persons
from loadtests.surge.mutants.catalogue import MUTANTS
from loadtests.surge.mutants.trial import try_mutant

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_system_that_accepts_a_person_twice_is_caught(tmp_path: Path) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.rule == persons.NAME)

    outcome = try_mutant(mutant, tmp_path)

    assert outcome.is_right
    assert "are one person's" in outcome.broken[persons.NAME]
