from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.counting import read_counts
from gateway.domain.controls import Mode
from gateway.http import promises
from gateway.http.eta import Speed
from gateway.http.promises import Promises
from gateway.inflight.status import Summary
from gateway.inflight.waiting import Lane
from tests.unit.ledgers import opened_ledger

# Ten a second are called.
SPEED = Speed(10.0, 5.0)


@pytest.fixture
def counts_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with opened_ledger(tmp_path / "gateway") as ledger:
        monkeypatch.setattr(promises, "LEDGER", ledger)
        yield tmp_path


def summary(seconds: float, minted: int, called: int) -> Summary:
    line = Lane(minted, called, 1, (), b"")
    return Summary(int(seconds * 1000), 0, 1, 1, 0, 0, 0, 1, line, Lane(0, 0, 1, (), b""), Mode.OPEN, {})


def told(counts_dir: Path) -> dict[str, float]:
    return {
        sample.name.removeprefix("qabyldau_eta_"): sample.value
        for family in read_counts(counts_dir)
        for sample in family.samples
        if "le" not in sample.labels
    }


def test_what_was_promised_is_compared_with_what_was_waited(counts_dir: Path) -> None:
    kept = Promises("42500")
    kept.watch(summary(0, minted=300, called=0), SPEED)  # Thirty seconds for number 300.
    kept.watch(summary(44, minted=300, called=299), SPEED)
    kept.watch(summary(45, minted=300, called=300), SPEED)

    assert told(counts_dir) == {
        "promised_seconds_total": 30,
        "waited_seconds_total": 45,
        "waited_ratio_count": 1,
        "waited_ratio_sum": 1.5,
    }


def test_the_end_of_the_line_is_noted_every_five_seconds_if_somebody_joined(
    counts_dir: Path,
) -> None:
    kept = Promises("42500")
    for seconds in range(11):
        kept.watch(summary(seconds, minted=1000 + seconds, called=0), SPEED)
    for seconds in range(11, 30):
        kept.watch(summary(seconds, minted=1010, called=0), SPEED)
    kept.watch(summary(100, minted=1010, called=1010), SPEED)

    assert told(counts_dir)["waited_ratio_count"] == 3


@pytest.mark.parametrize(("waiting", "speed"), [(0, SPEED), (90, SPEED), (300, None), (300, Speed(0, 0))])
def test_nothing_is_noted_where_nothing_worth_checking_is_promised(
    waiting: int, speed: Speed | None, counts_dir: Path
) -> None:
    kept = Promises("42500")
    kept.watch(summary(0, minted=waiting, called=0), speed)
    kept.watch(summary(60, minted=waiting, called=waiting), speed)

    assert told(counts_dir)["waited_ratio_count"] == 0


def test_the_promises_of_a_lost_line_are_forgotten(counts_dir: Path) -> None:
    kept = Promises("42500")
    kept.watch(summary(0, minted=300, called=0), SPEED)
    kept.forget()
    kept.watch(summary(9, minted=400, called=400), SPEED)

    assert told(counts_dir)["waited_ratio_count"] == 0
