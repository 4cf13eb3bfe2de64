"""What the model would have said of a run, beside what was seen."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from loadtests.sizing.costs import Costs, Step
from loadtests.sizing.model import House, play
from loadtests.surge.arrivals import expected
from loadtests.surge.figures import Figures
from loadtests.surge.profiles import Process, Profile
from loadtests.surge.run import PROCESSORS, Run, read_run
from loadtests.surge.watch import read_samples

# What people of a profile take at pace 1, in the mean: before the form is sent, and for phone and code.
_BEFORE_SECONDS, _INSIDE_SECONDS = 80.0, 35.0

# What the service takes of the time that a slot is held, when it has nothing else to do.
_SERVICE_SECONDS = 1.5

_DEFAULT_CALLS_PER_SECOND = 1_000

# A step of the client's book that is not here costs about as much as a form that is checked and no more.
_STEPS = {
    "read 200": Step.READ,
    "precheck 200": Step.PRECHECK,
    "submit 202": Step.SUBMIT,
    "submit full": Step.FULL,
    "poll 200": Step.POLL,
    "phone 202": Step.PHONE,
    "confirm 200": Step.CONFIRM,
    "look 200": Step.LOOK,
}


class Beside(Struct, frozen=True):
    what: str
    predicted: float
    measured: float
    unit: str

    @property
    def ratio(self) -> float | None:
        return self.predicted / self.measured if self.measured else None


def compare(folder: Path, costs: Costs) -> list[Beside]:
    """Raises OSError for a folder that holds no run."""
    run = read_run(folder)
    figures = msgspec.json.decode((folder / "figures.json").read_bytes(), type=Figures)
    # Where people hold their slots until they are told to go on, the course is what they are told.
    course = [] if run.profile.hold else list(_course(run, figures))
    return [*course, *_processors(run, figures, costs)]


def _course(run: Run, figures: Figures) -> Iterator[Beside]:
    profile, seconds = run.profile, figures.seconds
    house = _house(profile, run.capacity.people_per_second)
    morning = play(_arrivals(profile, run.capacity.people_per_second), house)
    waits = [promise.waited_seconds for promise in figures.promises if promise.waited_seconds is not None]
    yield Beside(
        "people through a second, while busy",
        house.through_per_second,
        figures.goodput_per_second or 0.0,
        "/s",
    )
    last = max((second for second, seen in seconds.items() if seen.accepted), default=0)
    yield Beside("until the last is accepted", float(morning.last_accepted), float(last), "s")
    most_waiting = max((sample.waiting or 0 for sample in read_samples(run.samples)), default=0)
    yield Beside("most people in the line", morning.most_waiting, float(most_waiting), "")
    if waits and most_waiting:
        nobody_told = [0.0] * (figures.people - len(waits))
        yield Beside("wait in the line, p50", morning.wait_seconds(0.5), median(waits + nobody_told), "s")


def _house(profile: Profile, people_per_second: float) -> House:
    room = profile.programme.get("waiting_room", {})
    return House(
        slots=profile.limit,
        hold_seconds=_INSIDE_SECONDS * profile.pace + _SERVICE_SECONDS,
        people_per_second=people_per_second,
        calls_per_second=room.get("calls_per_second", _DEFAULT_CALLS_PER_SECOND),
    )


def _arrivals(profile: Profile, people_per_second: float) -> list[float]:
    """People who send their form in each second: those of the curve, after they have read and typed."""
    curve, length = profile.curve, int(profile.duration_seconds)
    each = people_per_second if profile.people is None else profile.people / expected(curve, length)
    thinking = [0.0] * int(_BEFORE_SECONDS * profile.pace)
    return thinking + [(expected(curve, n + 1) - expected(curve, n)) * each for n in range(length)]


def _processors(run: Run, figures: Figures, costs: Costs) -> Iterator[Beside]:
    """Nothing where a process was started again meanwhile, for its book began anew."""
    path = run.folder / PROCESSORS
    if not path.exists():
        return
    used = msgspec.json.decode(path.read_bytes(), type=dict[Process, float])
    counts = dict.fromkeys(Step, 0.0)
    for name, count in figures.answers.items():
        counts[_STEPS.get(name, Step.PRECHECK)] += count
    seconds = (run.ended_at_us - run.began_at_us) / 1_000_000
    for part, measured in used.items():
        predicted = costs.seconds(part, counts) + costs.idle[part] * seconds / 1_000_000
        yield Beside(f"processor time of the {part}", predicted, measured, "s")
