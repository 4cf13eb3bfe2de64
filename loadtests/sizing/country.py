"""What to start for a whole country: the morning by the model, times what each step costs."""

from collections.abc import Iterator
from math import ceil, log

from msgspec import Struct

from loadtests.sizing.costs import Costs, Step
from loadtests.sizing.model import House, Moment, Morning, play
from loadtests.surge.profiles import Process

_MINUTE = 60

# A worker has so many cases, and as many messages, on their way at once (workers/queues.py).
_JOBS_AT_ONCE = 32

# Of each person: a code, and the notices of acceptance and of the decision.
_MESSAGES = 3

# One process more than is needed can be lost.
_SPARE = 1

_SOONEST_POLL_SECONDS = 2.0


class Country(Struct, frozen=True, kw_only=True):
    """`people` come in `day_hours`, `first_minute` of them at once and the others ever fewer to its end.

    `hold_seconds` is how long a slot is held: phone, code, SMS and verification. `case_seconds` and
    `message_seconds` are what state systems and the SMS provider take for one. `busy` is how busy a process
    may be at the peak; `looks` how often each looks what has become of the application.
    """

    people: int = 5_000_000
    first_minute: int = 200_000
    day_hours: float = 15.0
    slots: int = 25_000
    calls_per_second: int = 1_000
    hold_seconds: float = 60.0
    case_seconds: float = 2.0
    message_seconds: float = 0.5
    looks: float = 3.0
    busy: float = 0.6


class Need(Struct, frozen=True):
    """`load`: processors' worth of work in the busiest second. `carries`: people a second, by one of them."""

    what: str
    load: float
    carries: float
    processes: int
    why: str


class Plan(Struct, frozen=True):
    morning: Morning
    busiest: dict[Step, float]
    needs: tuple[Need, ...]


def plan_for(country: Country, costs: Costs) -> Plan:
    house = House(
        slots=country.slots,
        hold_seconds=country.hold_seconds,
        people_per_second=float("inf"),
        calls_per_second=country.calls_per_second,
    )
    morning = play(_arrivals(country), house)
    seconds = [_steps(country, moment) for moment in morning.moments]
    busiest = {step: max(counts[step] for counts in seconds) for step in Step}
    loads = {part: max(costs.seconds(part, counts) for counts in seconds) for part in Process}
    return Plan(morning, busiest, tuple(_needs(country, loads, costs, busiest)))


def _arrivals(country: Country) -> list[float]:
    """People in each second: even in the first minute, then in a straight line down to nobody."""
    rest_seconds = int(country.day_hours * 3600) - _MINUTE
    rest = country.people - country.first_minute
    falling = [2 * rest / rest_seconds * (1 - (n + 0.5) / rest_seconds) for n in range(rest_seconds)]
    return [country.first_minute / _MINUTE] * _MINUTE + falling


def _steps(country: Country, moment: Moment) -> dict[Step, float]:
    """What is asked for in a second. Who does not get in at once hears `full`, polls and comes again."""
    return {
        Step.READ: moment.came,
        Step.PRECHECK: 0.0,
        Step.SUBMIT: moment.entered,
        Step.FULL: max(moment.came - moment.entered, 0.0),
        Step.POLL: polls_per_second(moment.waiting, country.calls_per_second),
        Step.PHONE: moment.phones,
        Step.CONFIRM: moment.accepted,
        Step.LOOK: moment.through * country.looks,
    }


def polls_per_second(waiting: float, calls_per_second: float) -> float:
    """Who waits at position `p` asks again after `p / calls_per_second`, and after two seconds at least."""
    near = _SOONEST_POLL_SECONDS * calls_per_second
    if waiting <= near:
        return waiting / _SOONEST_POLL_SECONDS
    return calls_per_second * (1 + log(waiting / near))


def _needs(
    country: Country, loads: dict[Process, float], costs: Costs, busiest: dict[Step, float]
) -> Iterator[Need]:
    carries = {part: country.busy / costs.seconds(part, _whole_way(country)) for part in Process}
    for what, part, other_bounds in (
        ("gateway processes", Process.GATEWAY, {}),
        ("workers", Process.WORKER, _jobs(country, busiest)),
    ):
        bounds = {"its processor": loads[part] / country.busy, **other_bounds}
        tightest = max(bounds, key=lambda name: bounds[name])
        processes = ceil(bounds[tightest]) + _SPARE
        yield Need(what, loads[part], carries[part], processes, f"{tightest}; one to spare")
    carried, through = carries[Process.REDIS], country.slots / country.hold_seconds
    why = "a programme lives on one shard"
    if through > carried:
        why += f", and this one is full: {carried * country.hold_seconds:,.0f} slots are what it carries"
    yield Need("Redis", loads[Process.REDIS], carried, 1, why)


def _whole_way(country: Country) -> dict[Step, float]:
    once = (Step.READ, Step.SUBMIT, Step.PHONE, Step.CONFIRM)
    return {**dict.fromkeys(once, 1.0), Step.LOOK: country.looks}


def _jobs(country: Country, busiest: dict[Step, float]) -> dict[str, float]:
    """Workers that are needed because each has only so many jobs on their way, however long those take."""
    cases = busiest[Step.CONFIRM]
    messages = busiest[Step.PHONE] + (_MESSAGES - 1) * cases
    each = (("cases", cases, country.case_seconds), ("messages", messages, country.message_seconds))
    return {
        f"{count:,.0f} {name}/s of {seconds:g} s": count * seconds / _JOBS_AT_ONCE
        for name, count, seconds in each
    }
