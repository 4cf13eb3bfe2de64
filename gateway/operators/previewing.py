"""What a change would do, in numbers, from what was measured last. The words are for whoever shows them.

Figures are None where nothing was measured yet. Little's law links them: so many slots, each kept for so
long, let in so many a second. It assumes that people keep their slots for as long as they do now, and that
there is somebody for each slot.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Final

from msgspec import Struct

from gateway.domain.controls import Mode, Value
from gateway.domain.programme import Programme
from gateway.operators.changing import in_words
from gateway.operators.sampling import Sample
from gateway.operators.states import State

# Long enough to even out bursts, short enough to be of now.
MEASURED_SAMPLES: Final = 120

# Fewer slots freed than this say more about chance than about a rate.
_FEWEST_FREED: Final = 10

Number = int | float | str | bool | None
Effect = dict[str, Number]


class Drain(Struct, frozen=True):
    """Slots that become free in a second, and for how many seconds one is kept on average."""

    per_second: float
    stay_seconds: float


def preview(
    programme: Programme,
    in_force: Mapping[str, Value],
    changes: Mapping[str, Value | None],
    state: State | None,
    samples: Sequence[Sample],
) -> list[Effect]:
    """Tell the effects of what differs from what is in force; `changes` are within their ranges."""
    after = dict(in_force) | in_words(programme, changes)
    drain = measure_drain(samples)
    effects: list[Effect] = []
    if after["limit"] != in_force["limit"]:
        effects += _limit(int(in_force["limit"]), int(after["limit"]), state, drain)
    if after["mode"] != in_force["mode"]:
        effects.append(_mode(str(after["mode"]), state))
    if after["inlet_per_second"] != in_force["inlet_per_second"]:
        effects.append(_inlet(int(after["inlet_per_second"]), state))
    effects += _categories(in_force, after)
    return effects


def measure_drain(samples: Sequence[Sample]) -> Drain | None:
    """Count who was let in, less what is taken more now: those slots became free. None: too few to say."""
    lately = [one for one in samples[-MEASURED_SAMPLES:] if one.live is not None]
    if len(lately) < 2:  # noqa: PLR2004 - Two ends.
        return None
    let_in = _sum(one.admissions for one in lately[1:])
    if let_in is None:
        return None
    freed = let_in - ((lately[-1].live or 0) - (lately[0].live or 0))
    if freed < _FEWEST_FREED:
        return None
    per_second = freed / (len(lately) - 1)
    live = sum(one.live or 0 for one in lately) / len(lately)
    return Drain(per_second, live / per_second)


def _limit(before: int, after: int, state: State | None, drain: Drain | None) -> list[Effect]:
    live = state.live if state else None
    effects: list[Effect] = []
    if state and live is not None:
        taken = live + (state.reserved or 0)
        free = [max(limit - taken, 0) for limit in (before, after)]
        if free[0] != free[1]:
            effects.append({"code": "slots", "before": free[0], "after": free[1]})
        if after < live:
            seconds = ceil((live - after) / drain.per_second) if drain else None
            effects.append({"code": "door_shut", "live": live, "limit": after, "seconds": seconds})
    rates = [_per_minute(limit, drain) for limit in (before, after)]
    effects.append({"code": "per_minute", "before": rates[0], "after": rates[1]})
    if state and state.waiting and drain:
        waits = [_wait(limit, state, drain) for limit in (before, after)]
        effects.append({"code": "eta", "before_seconds": waits[0], "after_seconds": waits[1]})
    return effects


def _per_minute(limit: int, drain: Drain | None) -> int | None:
    return round(limit / drain.stay_seconds * 60) if drain else None


def _wait(limit: int, state: State, drain: Drain) -> int | None:
    """How long the last of the line waits: until the slots above the limit are free, and its turn comes."""
    live, waiting = state.live or 0, state.waiting or 0
    if limit == 0:
        return None
    at_once = max(limit - live, 0)
    shut_seconds = max(live - limit, 0) / drain.per_second
    return ceil(shut_seconds + max(waiting - at_once, 0) / (limit / drain.stay_seconds))


def _mode(mode: str, state: State | None) -> Effect:
    """What becomes of those who wait, are called and are in is the mode's; how many they are is told here."""
    calls = Mode(mode).calls
    return {
        "code": f"mode_{mode}",
        "waiting": state.waiting if state else None,
        "reserved": state.reserved if state else None,
        "live": state.live if state else None,
        "eta_seconds": state.eta_seconds if state and calls else None,
    }


def _inlet(inlet: int, state: State | None) -> Effect:
    """The line moves no faster than the inlet."""
    if not inlet:
        return {"code": "inlet_off"}
    waiting = state.waiting if state else None
    seconds = None if waiting is None else ceil(waiting / inlet)
    return {"code": "inlet", "per_second": inlet, "waiting": waiting, "seconds": seconds}


def _categories(in_force: Mapping[str, Value], after: Mapping[str, Value]) -> list[Effect]:
    """Categories open or close for newcomers; who is in goes on."""
    return [
        {
            "code": "category_opened" if after[name] else "category_closed",
            "category": name[len("category_") : -len("_open")],
        }
        for name in after
        if name.startswith("category_") and after[name] != in_force[name]
    ]


def _sum(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) if found else None
