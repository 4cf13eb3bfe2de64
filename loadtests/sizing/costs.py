"""What each step of an application costs each part of the service, as `measure.py` found it."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from loadtests.surge.profiles import Process

COSTS = Path(__file__).parent / "costs.json"


class Step(StrEnum):
    """What people ask for. `FULL` is a form that gets a ticket; what workers do for a step counts with it.

    So `PHONE` is the code that is sent as well, and `CONFIRM` the whole case with its notices.
    """

    READ = "read"
    PRECHECK = "precheck"
    SUBMIT = "submit"
    FULL = "full"
    POLL = "poll"
    PHONE = "phone"
    CONFIRM = "confirm"
    LOOK = "look"


Counts = Mapping[Step, float]


class Costs(Struct, frozen=True, kw_only=True):
    """Microseconds of a processor for one step, and for a second in which nobody comes, of one process."""

    steps: dict[Step, dict[Process, float]]
    idle: dict[Process, float]
    measured_on: str

    def seconds(self, part: Process, counts: Counts) -> float:
        """Seconds of a processor that a part needs for so many steps."""
        return sum(count * self.steps[step][part] for step, count in counts.items()) / 1_000_000


def read_costs(path: Path = COSTS) -> Costs:
    return msgspec.json.decode(path.read_bytes(), type=Costs)


def write_costs(costs: Costs, path: Path = COSTS) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(costs)) + b"\n")
