"""What keeps `python -m supervisor` from starting is said in one line, and nothing is left behind."""

import fcntl
import socket
from pathlib import Path

import pytest

from supervisor.preflight import find_valkey_port
from tests.integration.supervisor.service import SUPERVISOR, Service, environment


def refusal(data_dir: Path, **changes: str) -> tuple[int, str]:
    """Exit code and the one line that was said."""
    with Service(SUPERVISOR, data_dir, environment(data_dir, **changes)) as service:
        code = service.wait()
        said = service.read_rest().splitlines()
        assert not service.pids()
    assert len(said) == 1, said
    return code, said[0]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("QABYLDAU_LIMIT", "0"), ("QABYLDAU_WORKERS", "many"), ("QABYLDAU_NO_SUCH_THING", "1")],
)
def test_a_bad_setting_is_named(variable: str, value: str, tmp_path: Path) -> None:
    code, said = refusal(tmp_path, **{variable: value})

    assert code == 2
    assert variable in said


def test_a_broken_file_of_keys_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text("active = 7\n")
    code, said = refusal(tmp_path)

    assert code == 2
    assert str(tmp_path / "keys.toml") in said


def test_a_wrong_programme_is_named_once(tmp_path: Path) -> None:
    programmes = tmp_path / "programmes"
    programmes.mkdir()
    (programmes / "42500.toml").write_text("slots = 0\n")
    code, said = refusal(tmp_path / "data", QABYLDAU_PROGRAMMES_DIR=str(programmes))

    assert code == 2
    assert str(programmes / "42500.toml") in said


@pytest.mark.parametrize("variable", ["QABYLDAU_PORT", "QABYLDAU_OPERATORS_PORT", "QABYLDAU_STANDINS_PORT"])
def test_a_port_in_use_is_named_with_its_variable(variable: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        code, said = refusal(tmp_path, **{variable: port})

    assert code == 1
    assert f"127.0.0.1:{port}" in said
    assert variable in said


def test_a_data_directory_in_use_is_named(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, said = refusal(tmp_path)

    assert code == 1
    assert str(tmp_path) in said
    assert "QABYLDAU_DATA_DIR" in said


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = refusal(tmp_path / "file" / "data")

    assert code == 1
    assert "QABYLDAU_DATA_DIR" in said


def test_a_port_that_somebody_has_is_passed_over_for_valkey(tmp_path: Path) -> None:
    first = find_valkey_port(tmp_path)
    with socket.create_server(("127.0.0.1", first)):
        assert find_valkey_port(tmp_path) != first
