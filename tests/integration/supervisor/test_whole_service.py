"""The real programs together, as `make run` starts them."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.supervisor.service import SUPERVISOR, Service, environment

# As `make run`, but what is installed is left alone.
MAKE_RUN = ["make", "--old-file=.venv/.local", "run"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    with Service(SUPERVISOR, tmp_path, environment(tmp_path)) as service:
        service.read_until("Ctrl-C stops everything")
        yield service


def paste(journey: list[str], *shell: str) -> str:
    return subprocess.run(
        shell, input="\n".join(journey) + "\n", capture_output=True, text=True, check=True, timeout=30
    ).stdout


def printed_journey(service: Service) -> list[str]:
    lines = service.seen.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("  G="))
    return [line.strip() for line in lines[first : lines.index("", first)]]


@pytest.mark.skipif(not shutil.which("curl"), reason="the journey is for curl")
def test_the_printed_journey_leads_from_the_form_to_the_decision(running: Service) -> None:
    said = [json.loads(line) for line in paste(printed_journey(running), "bash").splitlines() if line]

    assert said[0]["state"] == "awaiting_phone"
    assert said[-2]["state"] == "accepted"
    assert said[-1]["state"] == "assigned"
    assert said[-1]["number"].startswith("42500-")


def test_a_stop_is_clean_and_what_was_taken_in_is_kept(running: Service, tmp_path: Path) -> None:
    running.signal(signal.SIGTERM)

    assert running.wait() == 0
    assert not running.pids()
    assert "ended" not in running.read_rest()
    assert (tmp_path / "valkey" / "appendonlydir").is_dir()
    assert (tmp_path / "register.db").exists()


def test_nothing_outlives_a_killed_supervisor(running: Service) -> None:
    assert len(running.pids()) >= 5
    running.signal(signal.SIGKILL)
    running.wait()

    running.wait_until_nothing_is_left()


def test_each_program_comes_back_when_it_is_killed(running: Service) -> None:
    children = {module_of(pid): pid for pid in running.pids() if parent_of(pid) == running.process.pid}
    modules = {
        "gateway": "gateway",
        "operators": "gateway.operators.serve",
        "stand-ins": "loadtests.standins",
    }
    for name, module in modules.items():
        os.kill(children[module], signal.SIGKILL)
        running.read_until(f"{name} is back")

    assert running.process.poll() is None


def module_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[2]


def parent_of(pid: int) -> int:
    # The name in parentheses may hold spaces.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("seed", range(4))
def test_a_signal_at_any_moment_of_the_start_leaves_nothing(
    number: signal.Signals, seed: int, tmp_path: Path
) -> None:
    with Service(SUPERVISOR, tmp_path, environment(tmp_path, QABYLDAU_GATEWAYS="2")) as service:
        time.sleep(random.Random(f"{number} {seed}").uniform(0, 3))
        service.signal(number)
        service.wait()

        service.wait_until_nothing_is_left()


def test_make_run_ends_with_ctrl_c(tmp_path: Path) -> None:
    with Service(MAKE_RUN, tmp_path, environment(tmp_path)) as service:
        service.read_until("Ctrl-C stops everything")
        service.press_ctrl_c()
        service.wait()

        service.wait_until_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_make_run_leaves_nothing_when_make_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    with Service(MAKE_RUN, tmp_path, environment(tmp_path)) as service:
        service.read_until("Ctrl-C stops everything")
        service.signal(number)
        service.wait()

        service.wait_until_nothing_is_left()
