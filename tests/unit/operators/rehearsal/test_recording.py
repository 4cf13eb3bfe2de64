from pathlib import Path

import pytest

from gateway.operators.rehearsal.recording import (
    Reached,
    RecordingError,
    Source,
    read_recording,
    write_recording,
)
from tests.unit.operators.rehearsal.days import recording, served

DAY = recording(
    served(0, 0),
    served(17, 1, reached=Reached.SLOT, phone_ms=None, code_ms=None, service_ms=None),
    served(17, 0, address=3, comes_back=True, every_ms=400, claim_ms=7, waited_ms=5_000, codes=2),
    served(90, 2, reached=Reached.DOOR, comes_back=False, is_refused=True),
    source=Source.REGISTER,
)


@pytest.mark.parametrize("name", ["day.jsonl", "day.jsonl.gz"])
def test_what_was_written_is_read_back(tmp_path: Path, name: str) -> None:
    write_recording(DAY, tmp_path / name)

    read = read_recording(tmp_path / name)

    assert read.header == DAY.header
    assert tuple(read.arrivals) == DAY.arrivals


def test_what_was_not_seen_is_not_written(tmp_path: Path) -> None:
    write_recording(DAY, tmp_path / "day.jsonl")

    lines = (tmp_path / "day.jsonl").read_text().splitlines()

    assert lines[2] == '{"at_ms":17,"person":1,"reached":"slot"}'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"version":1', '"version":2', "line 1"),
        ('"qabyldau-recording"', '"another"', "line 1"),
        ('"at_ms":90', '"at_ms":-90', "line 5"),
        ('"at_ms":90', '"at_ms":16', "order"),
        ('"person":1', '"iin":"000000000000"', "line 3"),
        ('"person":1', '"person":"1"', "line 3"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "day.jsonl"
    write_recording(DAY, path)
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(RecordingError, match=said):
        read_recording(path)


@pytest.mark.parametrize(
    ("name", "content"), [("day.jsonl", b""), ("day.jsonl.gz", b"{}\n"), ("a", b"\xff\n")]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(RecordingError):
        read_recording(tmp_path / name)


def test_a_day_on_which_nobody_came_is_refused(tmp_path: Path) -> None:
    write_recording(recording(), tmp_path / "day.jsonl")

    with pytest.raises(RecordingError, match="nobody came"):
        read_recording(tmp_path / "day.jsonl")
