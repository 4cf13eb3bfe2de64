"""Whether a run held: what its profile asks for, and the rules that hold for every run."""

import msgspec

from loadtests.surge import oracle
from loadtests.surge.faults import read_faults
from loadtests.surge.figures import as_json
from loadtests.surge.page import write_page
from loadtests.surge.run import Run
from loadtests.surge.verdicts import Verdict, judge_faults, judge_generator, judge_thresholds


def judge(run: Run) -> list[Verdict]:
    """Judge while the service is still up; leave figures, verdicts and page in the run's folder."""
    figures = run.tally().figures()
    (run.folder / "figures.json").write_bytes(as_json(figures))
    capacity = run.capacity.people_per_second
    verdicts = [
        *oracle.judge(run),
        judge_generator(figures),
        *judge_faults(run.profile, read_faults(run.faults)),
        *judge_thresholds(run.profile, figures, capacity, run.drained_in_seconds),
    ]
    (run.folder / "verdicts.json").write_bytes(msgspec.json.format(msgspec.json.encode(verdicts)))
    write_page(run, figures, verdicts)
    return verdicts
