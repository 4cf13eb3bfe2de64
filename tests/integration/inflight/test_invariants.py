"""Invariants 1-6 and 8-11 of admission, against a plain model: whatever happens, in whatever order."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.machines.door import Door


@pytest.mark.timeout(300)
def test_the_door_keeps_its_promises_whatever_happens(valkey: ValkeyProcess) -> None:
    run_state_machine_as_test(
        lambda: Door(valkey),  # type: ignore[arg-type]  # A factory does as well as the class.
        settings=settings(
            max_examples=30,
            stateful_step_count=60,
            print_blob=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
