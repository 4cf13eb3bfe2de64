from pathlib import Path

from loadtests.surge.capacity import Capacity
from loadtests.surge.ledger import Entry, LedgerWriter, Step
from loadtests.surge.oracle import judge
from loadtests.surge.run import Machine, Run, Target
from tests.unit.surge.people_of_a_run import PROFILE

HERE = {"redis_url": "redis://127.0.0.1:1", "data_dir": Path("nowhere"), "log": Path("nowhere.log")}


def run(folder: Path, **target: object) -> Run:
    """A run in which somebody asked once, and E-Maket took in nothing."""
    (folder / "e-maket.json").write_text("[]")
    (folder / "deliveries.json").write_text("[]")
    (folder / "faults.jsonl").touch()
    with LedgerWriter(folder / "ledger" / "one.jsonl") as ledger:
        ledger.write(
            Entry(
                visit=1,
                person=1,
                step=Step.READ,
                intended_at_us=1,
                sent_at_us=2,
                answered_at_us=3,
                status=200,
            )
        )
    return Run(
        profile=PROFILE,
        folder=folder,
        target=Target(gateway="http://gateway", standins="http://standins", **target),  # type: ignore[arg-type]  # as given
        programme="42500",
        capacity=Capacity(1, 1),
        seed=1,
        processes=1,
        began_at_us=0,
        ended_at_us=1,
        emptied_at_us=None,
        machine=Machine(2, "any", 1, "any"),
        versions={},
        commit="",
    )


def test_of_a_service_elsewhere_only_what_is_seen_from_outside_is_judged(tmp_path: Path) -> None:
    verdicts = judge(run(tmp_path))

    assert all(verdict.held for verdict in verdicts)
    assert [verdict.name for verdict in verdicts if verdict.found != "not checked"] == [
        "no errors of the service",
        "the order of the line",
        "one effect per person",
    ]
    assert len({verdict.name for verdict in verdicts}) == 12


def test_a_book_that_cannot_be_read_is_no_proof_of_anything(tmp_path: Path) -> None:
    *_, last = judge(run(tmp_path, **HERE))

    assert (last.name, last.held) == ("all books", False)
    assert "OperationalError" in last.detail
