from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from gateway.operators.rehearsal.command import rehearse_command
from gateway.operators.rehearsal.recording import write_recording
from tests.unit.operators.rehearsal.days import crowd, recording, served


@pytest.fixture
def day(tmp_path: Path) -> Path:
    path = tmp_path / "day.jsonl"
    write_recording(crowd(100, 10, limit=10), path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(rehearse_command, [str(argument) for argument in arguments])


def test_people_read_what_is_in_force_beside_what_is_rehearsed(day: Path) -> None:
    done = run("--from", day, "--limit", 18, "--sms-price", 10)

    lines = done.output.splitlines()
    assert done.exit_code == 0
    assert lines[0] == "42500: 100 visits of 100 people in 9.9 s, recorded from the surge"
    rows = {line[:34].strip(): line[34:].split() for line in lines if len(line) > 34}
    assert rows["limit"] == ["10", "18"]
    assert rows["accepted"] == ["100", "100"]
    assert rows["SMS cost"] == ["1000.00", "1000.00"]
    assert "Nobody would wait with a limit of" in done.output


def test_scripts_read_json(day: Path) -> None:
    done = run(
        *("--from", day, "--limit", 18, "--json"),
        *("--set", "inlet_per_second=4", "--set", "address_shadow=true", "--set", "mode=line_for_all"),
    )

    report = msgspec.json.decode(done.output)
    assert report["changes"] == {
        "limit": 18,
        "inlet_per_second": 4,
        "address_shadow": True,
        "mode": "line_for_all",
    }
    assert report["in_force"]["limit"] == 10
    assert report["rehearsed"]["limit"] == 18
    assert report["recommendation"]["assumptions"]
    assert report["assumptions"]


def test_the_same_call_prints_the_same(day: Path) -> None:
    assert run("--from", day, "--limit", 18).output == run("--from", day, "--limit", 18).output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--limit", "-1"), 2),
        (("--set", "limit"), 2),
        (("--set", "no_such=1"), 2),
        (("--set", "claim_window_seconds=soon"), 2),
        (("--set", "address_shadow=perhaps"), 2),
        (("--set", "mode=hold"), 2),
    ],
)
def test_what_cannot_be_rehearsed_is_a_wrong_call(day: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run("--from", day, *arguments).exit_code == code


def test_a_recording_that_is_not_there_is_a_wrong_call(tmp_path: Path) -> None:
    assert run("--from", tmp_path / "none").exit_code == 2


def test_a_recording_that_says_nothing_is_said(tmp_path: Path) -> None:
    write_recording(recording(served(0, 0, service_ms=None)), tmp_path / "day.jsonl")

    done = run("--from", tmp_path / "day.jsonl")

    assert done.exit_code == 1
    assert "nobody was served" in done.output
