from pathlib import Path

import pytest

from loadtests.surge.casting import Kind
from loadtests.surge.generator import Swarming
from loadtests.surge.ledger import Step, read_ledger
from loadtests.surge.profiles import Break, Heal, Knob, Mix, Point, Profile, System, Thresholds
from loadtests.surge.rehearsal import Options, rehearse
from loadtests.surge.run import read_run
from loadtests.surge.watch import read_samples

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

PEOPLE = 30

MINIATURE = Profile(
    name="miniature",
    description="Thirty people, ten slots, a slow state",
    limit=10,
    people=PEOPLE,
    curve=(Point(0, 1), Point(5, 1)),
    drain_seconds=40,
    pace=0.02,
    mix=Mix(duplicates=0.2, bad_data=0.2, keyed=0.5, refused=0.1),
    faults=(
        Break(at_seconds=1, system=System.LABOUR_MARKET, knobs={Knob.LATENCY_MS: 300}),
        Heal(at_seconds=4),
    ),
    thresholds=Thresholds(least_served=1, most_drain_seconds=40),
)


def test_thirty_people_come_through_and_everything_is_written_down(tmp_path: Path) -> None:
    options = Options(out=tmp_path, swarming=Swarming(), seed=1, first_person=0, people_per_second=6)
    said: list[str] = []

    [judged] = rehearse([MINIATURE], options, said.append)

    assert judged.held, judged.verdicts
    run = read_run(judged.run.folder)
    assert run == judged.run
    entries = list(read_ledger(run.ledger))
    figures = run.tally().figures()
    assert sum(entry.step is Step.END for entry in entries) == figures.visits
    assert {entry.kind for entry in entries} == {Kind.PERSON}
    assert figures.accepted >= PEOPLE / 2
    assert figures.unexpected == {}
    samples = read_samples(run.samples)
    assert max(sample.in_process or 0 for sample in samples) <= MINIATURE.limit
    assert samples[-1].is_empty
    assert any("slots" in line for line in said)
