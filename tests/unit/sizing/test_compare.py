from pathlib import Path

import msgspec
import pytest

from loadtests.sizing.compare import Beside, compare
from loadtests.sizing.costs import Costs, Step
from loadtests.surge.capacity import Capacity
from loadtests.surge.figures import Second, Tally, as_json
from loadtests.surge.profiles import Hold, Process, Profile
from loadtests.surge.run import PROCESSORS, Machine, Run, Target, write_run
from loadtests.surge.watch import Sample
from tests.unit.surge.people_of_a_run import PROFILE

SECOND_US = 1_000_000
COSTS = Costs(
    steps={step: dict.fromkeys(Process, 1_000.0) for step in Step},
    idle=dict.fromkeys(Process, 10_000.0),
    measured_on="paper",
)


def keep_run(folder: Path, profile: Profile) -> Path:
    """Thirty seconds: ten came, the last was accepted in second 14, four stood in the line at most."""
    folder.mkdir()
    write_run(
        Run(
            profile=profile,
            folder=folder,
            target=Target(gateway="", standins=""),
            programme="42500",
            capacity=Capacity(1.0, 6.0),
            seed=1,
            processes=1,
            began_at_us=0,
            ended_at_us=30 * SECOND_US,
            emptied_at_us=None,
            machine=Machine(2, "", 1, ""),
            versions={},
            commit="",
        )
    )
    seconds = {5: Second(accepted=5), 14: Second(accepted=5)}
    answers = {"submit 202": 10, "poll 200": 20, "submit invalid_application": 2}
    figures = msgspec.structs.replace(
        Tally(0).figures(), people=10, goodput_per_second=0.8, seconds=seconds, answers=answers
    )
    (folder / "figures.json").write_bytes(as_json(figures))
    samples = [Sample(at_us=second * SECOND_US, waiting=min(second, 4)) for second in range(30)]
    (folder / "samples.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, samples)))
    return folder


def named(besides: list[Beside]) -> dict[str, Beside]:
    return {one.what: one for one in besides}


def test_the_course_of_a_run_is_beside_what_was_seen(tmp_path: Path) -> None:
    seen = named(compare(keep_run(tmp_path / "run", PROFILE), COSTS))

    # One a second can be done, and one a second comes, eight seconds after having come to the page.
    assert seen["people through a second, while busy"] == Beside(
        "people through a second, while busy", 1.0, 0.8, "/s"
    )
    assert seen["until the last is accepted"].measured == 14
    assert seen["until the last is accepted"].predicted == pytest.approx(20, abs=4)
    assert seen["most people in the line"].measured == 4
    assert not [name for name in seen if name.startswith("processor")]


def test_processor_time_is_that_of_all_answers_and_of_idling(tmp_path: Path) -> None:
    folder = keep_run(tmp_path / "run", PROFILE)
    (folder / PROCESSORS).write_bytes(msgspec.json.encode({Process.GATEWAY: 0.664}))

    gateway = named(compare(folder, COSTS))["processor time of the gateway"]

    # 32 answers of a millisecond, and thirty seconds of ten.
    assert gateway.predicted == pytest.approx(0.332)
    assert gateway.ratio == pytest.approx(0.5)


def test_of_people_who_hold_their_slots_no_course_is_told(tmp_path: Path) -> None:
    profile = msgspec.structs.replace(PROFILE, hold=Hold(0, 9))

    assert compare(keep_run(tmp_path / "run", profile), COSTS) == []
