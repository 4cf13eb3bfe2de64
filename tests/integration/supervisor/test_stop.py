import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_port
from tests.integration.supervisor.service import SLEEPER, STUBBORN, dummy_service, python

# Starts a grandchild on a leash of its own, as the gateway does with its processes.
PARENT = python(
    "import subprocess; from supervisor.leash import leashed; "
    "subprocess.run(leashed(['sleep', '600']), start_new_session=True)"
)
CRASHING = python("raise SystemExit(1)")


def noting(path: Path, name: str) -> list[str]:
    """A child that writes down when it starts and when it is asked to stop."""
    return python(
        f"""
import signal, sys, time
def note(what):
    with open({str(path)!r}, "a") as notes:
        notes.write(f"{name} {{what}}\\n")
def leave(*_):
    note("stops")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGINT, lambda *_: note("heard Ctrl-C"))
note("starts")
while True:
    time.sleep(1)
"""
    )


def test_stages_start_and_stop_in_their_order(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    first = {"name": "first", "argv": noting(notes, "first"), "ready_file": str(notes), "stop_stage": 1}
    second = {"name": "second", "argv": noting(notes, "second"), "start_stage": 1, "ready_file": str(notes)}
    with dummy_service(second, first) as service:
        service.read_until("all ready")
        while "second" not in notes.read_text():
            time.sleep(0.01)
        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        assert notes.read_text().splitlines() == [
            "first starts",
            "second starts",
            "second stops",
            "first stops",
        ]
        assert not service.pids()


def test_ctrl_c_reaches_the_supervisor_and_not_its_children(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    with dummy_service({"name": "one", "argv": noting(notes, "one"), "ready_file": str(notes)}) as service:
        service.read_until("all ready")
        service.press_ctrl_c()

        assert service.wait() == 0
        assert notes.read_text().splitlines() == ["one starts", "one stops"]


def test_a_keypress_delivered_twice_counts_once() -> None:
    with dummy_service({"name": "one", "argv": SLEEPER}) as service:
        service.read_until("all ready")
        service.press_ctrl_c()
        service.signal(signal.SIGINT)

        assert service.wait() == 0


def test_a_second_ctrl_c_kills_at_once() -> None:
    with dummy_service({"name": "one", "argv": STUBBORN}, stop_seconds=600) as service:
        service.read_until("deaf")
        service.press_ctrl_c()
        service.read_until("stopping")
        time.sleep(0.5)
        service.press_ctrl_c()

        assert service.wait() == 130
        assert not service.pids()


def test_who_does_not_stop_in_time_is_killed() -> None:
    with dummy_service({"name": "one", "argv": STUBBORN}, stop_seconds=0.2) as service:
        service.read_until("deaf")
        service.signal(signal.SIGTERM)

        assert service.wait() == 0
        assert "one did not stop within 0.2 s" in service.read_rest()
        assert not service.pids()


def test_no_process_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    children = [
        {"name": "sleeper", "argv": SLEEPER},
        {"name": "stubborn", "argv": STUBBORN},
        {"name": "parent", "argv": PARENT},
        {"name": "crashing", "argv": CRASHING},
    ]
    with dummy_service(*children, valkey_port=free_port(), data_dir=tmp_path) as service:
        service.read_until("deaf")
        service.read_until("crashing ended")
        assert len(service.pids()) >= 5
        service.signal(signal.SIGKILL)
        service.wait()

        service.wait_until_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("seed", range(10))
def test_a_signal_at_any_moment_of_the_start_leaves_nothing(
    number: signal.Signals, seed: int, tmp_path: Path
) -> None:
    children: list[dict[str, Any]] = [
        {"name": "sleeper", "argv": SLEEPER},
        {"name": "parent", "argv": PARENT, "start_stage": 1},
        {"name": "crashing", "argv": CRASHING},
        {"name": "never-ready", "argv": SLEEPER, "ready_file": str(tmp_path / "never"), "start_stage": 2},
    ]
    with dummy_service(*children, valkey_port=free_port(), data_dir=tmp_path) as service:
        time.sleep(random.Random(f"{number} {seed}").uniform(0, 0.8))
        service.signal(number)
        service.wait()

        service.wait_until_nothing_is_left()
