"""Invariants 8, 13 and 14 over HTTP: whatever is sent, in whatever order, and whatever dies meanwhile."""

import io
import json
import logging
import math
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import product

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import run_state_machine_as_test

from gateway.logs import configure_logs
from supervisor.valkey import ValkeyProcess
from tests.integration.http.machines.applicants import Applicants
from tests.integration.http.machines.canaries import EMAIL, NAME
from tests.integration.http.machines.odd_calls import SPLINTERS, VALUES, Call, calls, complete, right_calls
from tests.integration.http.machines.world import World


@pytest.fixture(scope="module")
def world(valkey: ValkeyProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    logs, root = io.BytesIO(), logging.getLogger()
    handlers, level = root.handlers, root.level
    with (
        io.TextIOWrapper(logs, write_through=True) as text,
        redirect_stdout(text),
        pytest.MonkeyPatch.context() as patch,
    ):
        configure_logs("debug")
        # On a busy machine these would be met without any fault.
        patch.setattr("gateway.http.register_calls.DEADLINE_SECONDS", 60)
        patch.setattr("gateway.http.summaries.STALE_AFTER_SECONDS", math.inf)
        world = World(valkey, tmp_path_factory.mktemp("gateway"), logs)
        yield world
        world.do(world.stack.aclose())
        world.loop.close()
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


EVERY = settings(deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))


@pytest.mark.timeout(300)
def test_whatever_happens_a_repeat_is_a_repeat_and_nothing_personal_is_told(world: World) -> None:
    run_state_machine_as_test(
        lambda: Applicants(world),  # type: ignore[arg-type]  # A factory does as well as the class.
        settings=settings(EVERY, max_examples=50, stateful_step_count=40),
    )


@pytest.mark.timeout(300)
def test_no_input_is_answered_by_a_failure(world: World) -> None:
    world.begin()
    person = world.new_person()
    case = world.do(world.journey.submit(**person.form()))
    world.do(world.journey.set_limit(1))
    ticket = world.do(world.room.queue())["ticket"]
    right = right_calls([case], [ticket], person)

    for call in right:
        own = json.dumps(call.fields).encode()
        sent = [
            json.dumps(call.fields | {name: value}).encode() for name, value in product(call.fields, VALUES)
        ]
        sent += [
            body for part in SPLINTERS for body in (part, own[:-1] + part, own[:-1] + b',"x":' + part + b"}")
        ]
        for body in sent:
            world.send(complete(call, body, world.keys.webhook))

    @settings(EVERY, max_examples=1000)
    @given(calls(right, [*person, NAME, EMAIL], world.keys.webhook))
    def is_answered(call: Call) -> None:
        world.send(call)

    is_answered()
    world.check_traces()
