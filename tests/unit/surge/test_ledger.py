from pathlib import Path

import pytest

from loadtests.surge.casting import Kind
from loadtests.surge.ledger import (
    Entry,
    LedgerError,
    LedgerFollower,
    LedgerWriter,
    Outcome,
    Step,
    read_ledger,
)


def entry(visit: int, **more: object) -> Entry:
    known = {"person": visit, "step": Step.SUBMIT, "sent_at_us": 2_000, "answered_at_us": 12_000}
    return Entry(visit=visit, intended_at_us=1_000, **(known | more))  # type: ignore[arg-type]  # as given


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    entries = [
        entry(0, status=202, id="42500-a", state="awaiting_phone"),
        entry(1, status=503, code="full", lane=0, number=7, epoch=3, position=5, told_ms=2_000),
        entry(2, kind=Kind.FORGER, status=422, code="ticket_invalid"),
        entry(1, is_repeat=True, step=Step.END, outcome=Outcome.SERVED),
    ]
    with LedgerWriter(tmp_path / "one.jsonl") as ledger:
        for one in entries:
            ledger.write(one)

    assert list(read_ledger(tmp_path)) == entries


def test_a_line_that_a_kill_tore_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    with LedgerWriter(path) as ledger:
        ledger.write(entry(0))
        ledger.write(entry(1))
    path.write_bytes(path.read_bytes()[:-9])

    assert list(read_ledger(tmp_path)) == [entry(0)]


def test_any_other_line_that_is_no_entry_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"visit": 1}\n')

    with pytest.raises(LedgerError, match=r"one\.jsonl: a line is not an entry"):
        list(read_ledger(tmp_path))


def test_a_follower_yields_what_has_come_since_from_all_files(tmp_path: Path) -> None:
    follower = LedgerFollower(tmp_path)
    with LedgerWriter(tmp_path / "one.jsonl") as one, LedgerWriter(tmp_path / "two.jsonl") as two:
        one.write(entry(0))
        assert list(follower.new_entries()) == [entry(0)]
        two.write(entry(1))
        one.write(entry(2))
        assert list(follower.new_entries()) == [entry(2), entry(1)]
        assert list(follower.new_entries()) == []


def test_a_line_that_is_still_being_written_is_read_once_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    with LedgerWriter(path) as ledger:
        ledger.write(entry(0))
    whole = path.read_bytes()
    follower = LedgerFollower(tmp_path)

    path.write_bytes(whole[:20])
    assert list(follower.new_entries()) == []
    path.write_bytes(whole)
    assert list(follower.new_entries()) == [entry(0)]


def test_more_is_read_than_fits_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.surge.ledger._BYTES_AT_ONCE", 1_000)
    with LedgerWriter(tmp_path / "one.jsonl") as ledger:
        for visit in range(100):
            ledger.write(entry(visit))

    assert [one.visit for one in read_ledger(tmp_path)] == list(range(100))


def test_latency_counts_from_the_intended_start() -> None:
    assert entry(0).latency_ms == 11
    assert entry(0).late_ms == 1


@pytest.mark.parametrize(
    ("status", "code", "is_unexpected"),
    [
        (202, "", False),
        (503, "full", False),
        (503, "store_unavailable", False),
        (429, "rate_limited", False),
        (500, "internal", True),
        (502, "not_json", True),
        (0, "ConnectionResetError", True),
    ],
)
def test_only_refusals_are_expected_errors(status: int, code: str, *, is_unexpected: bool) -> None:
    assert entry(0, status=status, code=code).is_unexpected is is_unexpected
