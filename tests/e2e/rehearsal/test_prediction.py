"""What a rehearsal says beforehand, and what then happens: two surges on the whole service, two minutes."""

from pathlib import Path

import msgspec
import pytest

from gateway.operators.rehearsal.figures import percentile
from gateway.operators.rehearsal.recording import Recording, read_recording, write_recording
from gateway.operators.rehearsal.report import rehearse
from loadtests.surge.generator import Swarming
from loadtests.surge.profiles import Mix, Point, Profile
from loadtests.surge.recorder import record
from loadtests.surge.rehearsal import Options
from loadtests.surge.rehearsal import rehearse as surge

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(300)]

CLOSE = 0.2

# People take their time, a tenth of that of real life: the machine's own speed is a small part of it, so that
# a neighbour who comes and goes between the two surges does not decide.
PROFILE = Profile(
    name="recorded",
    description="More than four times as many as there are slots, within ten seconds",
    limit=100,
    people=450,
    curve=(Point(0, 1), Point(10, 1)),
    drain_seconds=90,
    pace=0.1,
    people_per_address=4,
    mix=Mix(duplicates=0.2, impatient=0.05, leaving=0.05, vanishing=0.02, refused=0.02),
    programme={
        "leases": {"before_phone_seconds": 20, "after_code_seconds": 30},
        "waiting_room": {"calls_per_second": 100},
    },
)


def happened(profile: Profile, folder: Path) -> Recording:
    options = Options(out=folder, swarming=Swarming(), seed=1, first_person=0, people_per_second=1)
    [judged] = surge([profile], options, lambda _: None)
    return record(judged.run)


def wait_p50_seconds(recording: Recording) -> float:
    waits_ms = [arrival.waited_ms for arrival in recording.arrivals if arrival.waited_ms is not None]
    assert len(waits_ms) > 50
    return (percentile(waits_ms, 0.5) or 0) / 1000


def test_half_the_limit_makes_people_wait_for_as_long_as_was_said(tmp_path: Path) -> None:
    day = happened(PROFILE, tmp_path / "before")
    write_recording(day, tmp_path / "day.jsonl.gz")

    said = rehearse(read_recording(tmp_path / "day.jsonl.gz"), {"limit": 50}, seed=1)

    assert said.rehearsed is not None
    assert said.in_force.wait_p50_seconds == pytest.approx(wait_p50_seconds(day), rel=CLOSE)
    came_true = happened(msgspec.structs.replace(PROFILE, name="rehearsed", limit=50), tmp_path / "after")
    assert said.rehearsed.wait_p50_seconds == pytest.approx(wait_p50_seconds(came_true), rel=CLOSE)
    assert wait_p50_seconds(came_true) > 1.5 * wait_p50_seconds(day)
