"""The mutants, and by which of the oracle's rules each is to be caught."""

from msgspec import Struct

from loadtests.surge.checks import (
    answers,
    conservation,
    effects,
    emptied,
    limit,
    numbers,
    order,
    personal,
    persons,
    promises,
    slots,
    times,
)


class Mutant(Struct, frozen=True):
    """`rule` is None for the control: the system as it is. `breaks` are names of breaks.BREAKS."""

    name: str
    rule: str | None
    breaks: tuple[str, ...]


CONTROL = Mutant("none", None, ("outage",))

_RULES = {
    "limit_off_by_one": limit.NAME,
    "count_then_take": limit.NAME,
    "slot_released_at_confirmation": slots.NAME,
    "slot_never_released": emptied.NAME,
    "rate_limit_never_expires": emptied.NAME,
    "called_from_the_back": order.NAME,
    "window_closed_early": times.NAME,
    "forgotten_after_202": promises.NAME,
    "accepted_without_asking": promises.NAME,
    "case_forgotten": promises.NAME,
    "person_accepted_twice": persons.NAME,
    "effect_doubled": effects.NAME,
    "effect_left_out": conservation.NAME,
    "number_skipped": numbers.NAME,
    "fails_now_and_then": answers.NAME,
    "person_logged": personal.NAME,
    "stored_in_the_clear": personal.NAME,
}

MUTANTS = (
    CONTROL,
    *(Mutant(name, rule, (name,)) for name, rule in _RULES.items()),
    Mutant("clock_runs_through_outages", times.NAME, ("clock_runs_through_outages", "outage")),
)
