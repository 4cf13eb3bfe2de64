import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from loadtests.surge.capacity import Capacity
from loadtests.surge.faults import Happened
from loadtests.surge.ledger import Entry, LedgerWriter, Outcome, Step
from loadtests.surge.page import CSV, PAGE, keep, write_page
from loadtests.surge.plan import Plan, write_plan
from loadtests.surge.profiles import Point
from loadtests.surge.run import Machine, Run, Target
from loadtests.surge.verdicts import Verdict
from loadtests.surge.watch import Sample
from tests.unit.surge.people_of_a_run import PROFILE

SECOND = 1_000_000
BEGAN = 1_800_000_000 * SECOND
MOST_BYTES = 300_000

HELD = Verdict("served", held=True, expected="≥ 0.99", found="1")
BROKEN = Verdict("drained", held=False, expected="≤ 60 s", found="never")


class Outline(HTMLParser):
    """What is open must be closed, in order; keeps headings and addresses."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"h1", "h2", "h3", "strong"}:
            self.headings.append(data)


def a_run(folder: Path, length: int = 10, *faults: Happened, away: range = range(0)) -> Run:
    """Somebody comes each second, waits for half of the run, is served; `away`: seconds of silence."""
    folder.mkdir()
    profile = msgspec.structs.replace(PROFILE, curve=(Point(0, 1), Point(length, 1)))
    plan = Plan(
        profile=profile,
        per_second=1,
        seed=7,
        gateway="http://127.0.0.1:1",
        standins="http://127.0.0.1:2",
        programme="42500",
        folder=folder,
    )
    write_plan(plan, folder / "plan.json")
    with LedgerWriter(folder / "ledger" / "a.jsonl") as ledger:
        for visit in range(length):
            for entry in _visit(visit, length / 2):
                ledger.write(entry)
    samples = [_sample(second, is_away=second in away) for second in range(2 * length)]
    (folder / "samples.jsonl").write_bytes(
        b"".join(msgspec.json.encode(sample) + b"\n" for sample in samples)
    )
    (folder / "faults.jsonl").write_bytes(b"".join(msgspec.json.encode(fault) + b"\n" for fault in faults))
    return Run(
        profile=profile,
        folder=folder,
        target=Target(gateway=plan.gateway, standins=plan.standins),
        programme="42500",
        capacity=Capacity(2, 10),
        seed=7,
        processes=1,
        began_at_us=BEGAN,
        ended_at_us=BEGAN + 2 * length * SECOND,
        emptied_at_us=BEGAN + 2 * length * SECOND,
        machine=Machine(2, "a processor", 1_024, "Linux"),
        versions={"python": "3.11"},
        commit="abc",
    )


def _visit(visit: int, waits_seconds: float) -> list[Entry]:
    def at(second: float, step: Step, **more: object) -> Entry:
        at_us = BEGAN + int((visit + second) * SECOND)
        times = {"intended_at_us": at_us, "sent_at_us": at_us, "answered_at_us": at_us + 5_000}
        return Entry(visit=visit, person=visit, step=step, **(times | more))  # type: ignore[arg-type]  # as given

    return [
        at(0, Step.SUBMIT, status=503, code="full", position=3, eta_seconds=int(waits_seconds) + 1),
        at(waits_seconds, Step.POLL, status=200, state="called"),
        at(waits_seconds, Step.SUBMIT, status=202, id=f"a{visit}"),
        at(waits_seconds, Step.END, outcome=Outcome.SERVED),
    ]


def _sample(second: int, *, is_away: bool) -> Sample:
    at_us = BEGAN + second * SECOND
    if is_away:
        return Sample(at_us=at_us)
    return Sample(at_us=at_us, status=200, limit=10, in_process=5, waiting=2)


def page_of(run: Run, *verdicts: Verdict) -> str:
    write_page(run, run.tally().figures(), list(verdicts))
    return (run.folder / PAGE).read_text()


def test_a_page_stands_alone_and_closes_what_it_opens(tmp_path: Path) -> None:
    page = page_of(a_run(tmp_path / "run"), HELD)

    outline = Outline(page)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.addresses) == {"data:,", "run.csv", "run.json", "figures.json", "verdicts.json"}
    assert not re.search(r"<script|@import|url\(|https?://", page)
    assert str(tmp_path) not in page


def test_the_order_is_verdict_then_question_then_charts_then_machine(tmp_path: Path) -> None:
    headings = Outline(page_of(a_run(tmp_path / "run"), HELD)).headings

    assert headings == [
        "Rehearsal: try",
        "✓ HELD",
        "What was asked",
        "What happened",
        "Offered, admitted, refused",
        "Waiting",
        "Slots against the limit",
        "Latency",
        "Drain",
        "Was the promise kept",
        "Waiting time against the promise",
        "Latency by step",
        "How it ended for people",
        "Where and how",
        "Again",
    ]


def test_one_check_that_broke_breaks_the_verdict_and_stands_first(tmp_path: Path) -> None:
    page = page_of(a_run(tmp_path / "run"), HELD, BROKEN)

    assert "✗ BROKEN</strong><p>1 of 2 checks broke: drained." in page
    assert page.index("≤ 60 s") < page.index("≥ 0.99")


def test_a_run_of_which_nothing_was_asked_has_not_held(tmp_path: Path) -> None:
    assert "? NOT JUDGED" in page_of(a_run(tmp_path / "run"))


def test_a_detail_shows_as_text_and_without_the_folder(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    detail = f"<b> in {run.folder}/service.log"

    page = page_of(run, msgspec.structs.replace(BROKEN, detail=detail))

    assert "&lt;b&gt; in service.log" in page


def test_offered_load_is_told_as_a_multiple_of_capacity(tmp_path: Path) -> None:
    page = page_of(a_run(tmp_path / "run"), HELD)

    assert "up to 0.5 × capacity" in page
    assert "2 people a second from the form to the end, measured just before" in page


def test_faults_that_happened_together_share_a_mark(tmp_path: Path) -> None:
    faults = [Happened(BEGAN + int(at * SECOND), "kill worker") for at in (3, 3.1, 8)]

    page = page_of(a_run(tmp_path / "run", 10, *faults), HELD)

    charts_over_time = 5
    assert re.findall(r'class="mark-label"[^>]*>([^<]+)<', page) == ["1–2", "3"] * charts_over_time
    assert page.count("kill worker") == len(faults)


def test_a_line_is_not_drawn_across_what_nobody_saw(tmp_path: Path) -> None:
    seen = page_of(a_run(tmp_path / "seen"), HELD)
    silent = page_of(a_run(tmp_path / "silent", away=range(5, 12)), HELD)

    assert seen.count('class="line limit"') + 1 == silent.count('class="line limit"')


def test_the_csv_has_a_row_a_second(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", away=range(3, 4))
    page_of(run, HELD)

    with (run.folder / CSV).open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert [int(row["second"]) for row in rows] == list(range(21))
    assert (rows[2]["arrived"], rows[2]["full"], rows[2]["in_process"], rows[2]["p99_ms"]) == (
        "1.0",
        "1.0",
        "5",
        "5.0",
    )
    assert rows[3]["in_process"] == ""


@pytest.mark.parametrize("length", [1, 1_800])
def test_a_page_stays_small_however_long_the_run(tmp_path: Path, length: int) -> None:
    page = page_of(a_run(tmp_path / "run", length), HELD)

    assert len(page.encode()) < MOST_BYTES
    assert Outline(page).open == []


def test_a_run_that_nobody_answered_has_a_page_too(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run", away=range(100))
    for ledger in run.ledger.iterdir():
        ledger.unlink()
    silent = msgspec.structs.replace(run, emptied_at_us=None)

    page = page_of(silent, BROKEN)

    assert "It was not seen empty." in page
    assert "Nobody was told a time" in page


def test_a_page_is_kept_under_the_name_of_its_profile(tmp_path: Path) -> None:
    run = a_run(tmp_path / "run")
    page = page_of(run, HELD)

    kept = keep(run, run.folder / PAGE, tmp_path / "evidence")

    assert kept.name == "try.html"
    assert kept.read_text() == page
