"""How long, how much, and what breaks when."""

from itertools import cycle, islice
from math import ceil

import msgspec

from loadtests.surge.profiles import (
    Break,
    Fault,
    Heal,
    Kill,
    Knob,
    Point,
    Process,
    Profile,
    SetLimit,
    System,
    load_profiles,
)

FAULT_EVERY_SECONDS = 120.0

# What is broken or lowered is whole again after this, well before the next.
_BROKEN_SECONDS = 20.0

_RAMP_SECONDS = 30.0

# Killing and breaking take turns, so that a process lives long enough for its growth to be seen.
_DEEDS: tuple[Process | System | None, ...] = (
    Process.WORKER,
    System.LABOUR_MARKET,
    Process.GATEWAY,
    System.SMS,
    None,
    Process.REDIS,
    System.E_MAKET,
)

_KNOBS: dict[System, dict[Knob, float | bool]] = {
    System.LABOUR_MARKET: {Knob.LATENCY_MS: 3_000},
    System.SMS: {Knob.ERROR_RATE: 1.0},
    System.E_MAKET: {Knob.ERROR_RATE: 0.5},
}


def soak_profile(minutes: float) -> Profile:
    """Return the profile `soak`, as long as asked for, with its faults."""
    found, seconds = load_profiles()["soak"], minutes * 60
    multiple = max(point.multiple for point in found.curve)
    points = ((0.0, 0.0), (_RAMP_SECONDS, multiple), (seconds, multiple), (seconds + _RAMP_SECONDS, 0.0))
    return msgspec.structs.replace(
        found, curve=tuple(Point(*point) for point in points), faults=_faults(seconds, found.limit)
    )


def _faults(seconds: float, limit: int) -> tuple[Fault, ...]:
    """The first after a minute; the last with time left to see what came of it."""
    found: list[Fault] = []
    count = ceil((seconds - FAULT_EVERY_SECONDS / 2 - _RAMP_SECONDS) / FAULT_EVERY_SECONDS)
    for number, deed in enumerate(islice(cycle(_DEEDS), count)):
        at, until = (FAULT_EVERY_SECONDS * (number + 0.5) + later for later in (0.0, _BROKEN_SECONDS))
        match deed:
            case Process():
                found.append(Kill(at_seconds=at, what=deed))
            case System():
                found += [Break(at_seconds=at, system=deed, knobs=_KNOBS[deed]), Heal(at_seconds=until)]
            case None:
                found += [
                    SetLimit(at_seconds=at, limit=limit // 5),
                    SetLimit(at_seconds=until, limit=limit),
                ]
    return tuple(found)
