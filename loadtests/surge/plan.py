"""What the generator is told: one file, read by the process that starts it and sent on to the others."""

from pathlib import Path

import msgspec
from msgspec import Struct

from loadtests.surge.arrivals import plan_arrivals
from loadtests.surge.casting import Visit, cast
from loadtests.surge.profiles import Profile

# Where Locust finds the plan: its command line is its own.
PLAN_VARIABLE = "SURGE_PLAN"

# The file beside the ledger in which the generator says at which epoch second the curve begins.
BEGAN = "began"


class Closed(Struct, frozen=True):
    """So many people, each followed by the next as soon as it is over: how capacity is measured."""

    people: int
    seconds: float


class Plan(Struct, frozen=True, kw_only=True):
    """`per_second` is what the multiple 1 of the curve stands for. `folder` is that of the run."""

    profile: Profile
    per_second: float
    seed: int
    gateway: str
    standins: str
    programme: str
    folder: Path
    first_person: int = 0
    closed: Closed | None = None

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def arrivals(self) -> list[float]:
        return plan_arrivals(self.profile.curve, self.per_second, self.seed)

    def visits(self) -> list[Visit]:
        """Return everybody who comes, in order; the same in every process."""
        return cast(self.profile, self.arrivals(), self.seed, self.first_person)


def write_plan(plan: Plan, path: Path) -> None:
    path.write_text(encode_plan(plan))


def read_plan(path: Path) -> Plan:
    return decode_plan(path.read_text())


def encode_plan(plan: Plan) -> str:
    return msgspec.json.encode(plan, enc_hook=str).decode()


def decode_plan(text: str) -> Plan:
    return msgspec.json.decode(text, type=Plan, dec_hook=lambda type_, value: type_(value))
