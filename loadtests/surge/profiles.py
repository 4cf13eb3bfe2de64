"""A profile of `profiles.toml`: who arrives when, what breaks meanwhile, and what must hold all the same."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from gateway.domain.tables import convert_table, read_table

PROFILES = Path(__file__).parent.parent / "profiles.toml"

# What all profiles share unless they say otherwise.
COMMON = "common"

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Share = Annotated[float, Meta(ge=0, le=1)]
Limit = Annotated[int, Meta(ge=0, le=1_000_000)]
Multiple = Annotated[float, Meta(ge=0, le=1_000)]


class ProfileError(ValueError):
    """Names the file, the profile, the key and the reason in one line."""


class Process(StrEnum):
    """What can be killed; the supervisor starts it again."""

    GATEWAY = "gateway"
    WORKER = "worker"
    REDIS = "redis"


class System(StrEnum):
    """A stand-in with fault knobs."""

    LABOUR_MARKET = "labour-market"
    E_MAKET = "e-maket"
    FUND = "fund"
    SMS = "sms"


class Knob(StrEnum):
    LATENCY_MS = "latency_ms"
    ERROR_RATE = "error_rate"
    HANG = "hang"
    DROP_REPLY = "drop_reply"
    WRONG_SCHEMA = "wrong_schema"


class _Fault(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", kw_only=True):
    """`at_seconds` counts from the first second of the curve."""

    at_seconds: Seconds


class Kill(_Fault, frozen=True, tag="kill"):
    what: Process

    def __str__(self) -> str:
        return f"kill {self.what}"


class Break(_Fault, frozen=True, tag="break"):
    """A system misbehaves from now on; see the README of the stand-ins."""

    system: System
    knobs: dict[Knob, float | bool]

    def __str__(self) -> str:
        return f"{self.system}: " + ", ".join(f"{knob} {value:g}" for knob, value in self.knobs.items())


class Heal(_Fault, frozen=True, tag="heal"):
    """All systems behave again."""

    def __str__(self) -> str:
        return "all systems heal"


class SetLimit(_Fault, frozen=True, tag="limit"):
    limit: Limit

    def __str__(self) -> str:
        return f"limit {self.limit}"


Fault: TypeAlias = Kill | Break | Heal | SetLimit


class Point(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Arrivals at a second of the run, as a multiple of the capacity measured before it."""

    second: Seconds
    multiple: Multiple


class Mix(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What part of those who arrive are, or do, what the name says.

    `duplicates` are visits of somebody who has been here before. `bad_data` have something wrong in the form
    and correct it, `stubborn` is the part of these who never do. `impatient` ignore Retry-After and
    poll_after_ms. `leaving` go away when the service is full, `vanishing` after they were let in. `keyed`
    send an Idempotency-Key. `checking` send the form to the precheck first. `refused` fail the verification,
    `denied` get no payment. `bots` have none of these habits, but tricks of their own.
    """

    duplicates: Share = 0.0
    bad_data: Share = 0.0
    stubborn: Share = 0.0
    impatient: Share = 0.0
    leaving: Share = 0.0
    vanishing: Share = 0.0
    keyed: Share = 0.0
    checking: Share = 0.0
    refused: Share = 0.0
    denied: Share = 0.0
    bots: Share = 0.0


class Hold(Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody keeps the slot and gives no phone before a moment drawn between these seconds of the run."""

    from_second: Seconds
    to_second: Seconds


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a run must keep to, beside the oracle's rules; what is left out is not judged.

    Times count from the moment somebody meant to act, not from when the generator got round to it.
    `least_served` is the part of people who did nothing wrong and did not go away that came through.
    `least_goodput` is a multiple of the measured capacity: people accepted in a second while it was busy.
    `most_late_p99_ms` judges the generator: how much later than meant a request was sent.
    """

    least_served: Share | None = None
    least_goodput: Multiple | None = None
    most_admitted_p99_ms: float | None = None
    most_refused_p99_ms: float | None = None
    most_eta_error: float | None = None
    most_late_p99_ms: float | None = None
    most_drain_seconds: float | None = None


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`people` is how many arrive in all whatever the capacity, and the curve is then only their shape.

    `pace` scales what people take to read and type: 1 is real life. Whoever is still inside `drain_seconds`
    after the curve is cut off. `programme` overrides tables of the programme's file for the run.
    """

    name: str
    description: str
    limit: Annotated[int, Meta(ge=1, le=1_000_000)]
    curve: Annotated[tuple[Point, ...], Meta(min_length=2)]
    people: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    drain_seconds: Seconds
    pace: Annotated[float, Meta(gt=0, le=1)]
    people_per_address: Annotated[int, Meta(ge=1, le=100_000)] = 1
    gateways: Annotated[int, Meta(ge=1, le=64)] = 1
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    mix: Mix = Mix()
    hold: Hold | None = None
    faults: tuple[Fault, ...] = ()
    thresholds: Thresholds = Thresholds()
    programme: dict[str, dict[str, Any]] = {}

    @property
    def duration_seconds(self) -> float:
        return self.curve[-1].second

    @property
    def needs_this_machine(self) -> bool:
        """Whether it reaches into processes, which a service elsewhere does not allow."""
        return any(isinstance(fault, Kill | SetLimit) for fault in self.faults)


def load_profiles(path: Path = PROFILES) -> dict[str, Profile]:
    """Read all profiles, by name, each upon what is common to all. Raises ProfileError."""
    tables = read_table(path, ProfileError)
    common = tables.pop(COMMON, {})
    if not tables:
        raise ProfileError(f"{path}: holds no profile")
    profiles = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ProfileError(f"{path}: {name}: Expected a table [{name}]")
        whole = {**_upon(common, table), "name": name}
        profiles[name] = convert_table(path, name, whole, Profile, ProfileError)
        for key, reason in _contradictions(profiles[name]):
            raise ProfileError(f"{path}: {name}.{key}: {reason}")
    return profiles


def _upon(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Lay tables over tables; anything else is replaced."""
    merged = {**common, **own}
    for name in common.keys() & own.keys():
        if isinstance(common[name], dict) and isinstance(own[name], dict):
            merged[name] = _upon(common[name], own[name])
    return merged


def _contradictions(profile: Profile) -> Iterator[tuple[str, str]]:
    seconds = [point.second for point in profile.curve]
    if seconds[0] != 0 or seconds != sorted(seconds):
        yield "curve", "begins at second 0 and never goes back"
    if not any(point.multiple for point in profile.curve):
        yield "curve", "nobody arrives"
    if [fault.at_seconds for fault in profile.faults] != sorted(fault.at_seconds for fault in profile.faults):
        yield "faults", "stand in the order of their times"
    if profile.hold and profile.hold.from_second > profile.hold.to_second:
        yield "hold", "ends before it begins"
