"""Invariants 7 and 12, and the inlet, against plain models: whatever is called, in whatever order."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.machines.codes import Codes
from tests.integration.inflight.machines.inlet import Inlet
from tests.integration.inflight.machines.limits import Limits
from tests.integration.inflight.machines.told_clocks import ToldClocks


@pytest.mark.timeout(600)
@pytest.mark.parametrize("machine", [Limits, Codes, Inlet])
def test_a_limit_holds_whatever_happens(valkey: ValkeyProcess, machine: type[ToldClocks]) -> None:
    run_state_machine_as_test(
        lambda: machine(valkey),  # type: ignore[arg-type]  # A factory does as well as the class.
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            print_blob=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
