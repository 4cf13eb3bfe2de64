import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.operators.cli.opening import Office
from tests.integration.inflight.people import admitted, application, apply
from tests.integration.operators.cli.machine import PROGRAMME, WHY, Machine
from tests.integration.operators.processes import ROOT

LIMIT = 2


@pytest.fixture
def full(machine: Machine) -> Machine:
    """Two slots taken, three people waiting, and one change in the trail."""

    async def fill(office: Office) -> None:
        for person in ("first", "second"):
            await admitted(office.store, person, LIMIT)
        for person in ("third", "fourth", "fifth"):
            await apply(office.store, application(person), LIMIT)

    machine.serve(LIMIT)
    machine.inside(fill)
    machine.done("controls", "set", PROGRAMME, "person_count=9", *WHY)
    return machine


def test_a_programme_is_told_at_one_look(full: Machine) -> None:
    shown = full.done("status")

    assert "2 of 2 100 %" in shown
    assert "waiting   3" in shown
    assert "person_count 30 -> 9" in shown


def test_scripts_get_the_state_that_the_api_tells(full: Machine) -> None:
    told = full.json("status", PROGRAMME)

    (state,) = told["programmes"]
    assert (state["programme"], state["mode"], state["limit"]) == (PROGRAMME, "open", 2)
    assert (state["live"], state["waiting"], state["store_up"]) == (2, 3, True)
    assert state["sample"]["called"] == 0.0
    assert [line["outcome"] for line in told["audit"]] == ["done"]


def test_what_is_away_is_told_and_the_rest_as_well(full: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QABYLDAU_REGISTER_URL", f"sqlite:///{full.settings.data_dir}/no/such/folder.db")
    assert "The register does not answer" in full.done("status")

    monkeypatch.setenv("QABYLDAU_REDIS_URL", "redis://127.0.0.1:1/0")
    blind = full.run("status")
    assert blind.exit_code == 4
    assert "does not answer" in blind.stdout


def test_a_programme_that_nobody_serves_is_told(machine: Machine) -> None:
    assert "No gateway has served this programme yet" in machine.done("status")
    machine.refused(2, "status", "99999")


@pytest.fixture
def watching(full: Machine) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [str(ROOT / "qabyldau"), "status", "--watch", "--json"],
        cwd=full.settings.data_dir,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_the_command_itself_watches_until_it_is_interrupted(
    full: Machine, watching: subprocess.Popen[str]
) -> None:
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    full.done("limit", "set", PROGRAMME, "1", *WHY)
    while (seen := json.loads(watching.stdout.readline()))["programmes"][0]["limit"] != 1:
        assert seen["at"] > first["at"]

    watching.send_signal(signal.SIGINT)

    assert watching.wait() == 0
    assert watching.stderr is not None
    assert watching.stderr.read() == ""


def test_the_screen_is_put_back_when_it_is_left(full: Machine, tmp_path: Path) -> None:
    theirs, ours = os.openpty()
    process = subprocess.Popen(
        [str(ROOT / "qabyldau"), "status", "--watch"],
        env=os.environ | {"TERM": "xterm-256color"},
        stdout=ours,
        stderr=ours,
    )
    os.close(ours)
    drawn = b""
    while drawn.count(b"2 of 2") < 2:
        drawn += os.read(theirs, 65_536)
    process.send_signal(signal.SIGINT)
    while not drawn.endswith(b"\x1b[?1049l"):
        drawn += os.read(theirs, 65_536)
    os.close(theirs)

    assert process.wait() == 0
    assert drawn.startswith(b"\x1b[?1049h")
