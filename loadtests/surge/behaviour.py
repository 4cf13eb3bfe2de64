"""A visit from the first page to the end of the case."""

from collections.abc import Mapping

from loadtests.surge import bots
from loadtests.surge.casting import Habit, Kind
from loadtests.surge.confirming import Lapsed, confirm_phone
from loadtests.surge.entering import enter
from loadtests.surge.ledger import Outcome, Step
from loadtests.surge.person import Over, Person

_READING_SECONDS = 20.0
_TYPING_SECONDS = 60.0
_FIRST_LOOK_SECONDS = 40.0

# Whoever was accepted looks less and less often, but still sees the end within the run.
_LOOK_GROWTH = 1.5
_LONGEST_LOOK_SECONDS = 10.0
_SHORTEST_LOOK_SECONDS = 1.0

_MOST_STARTS = 3

# Where a case has left the service.
_SERVED = frozenset({"forwarded", "assigned", "denied"})


def live(person: Person) -> Outcome:
    try:
        if person.visit.kind is not Kind.PERSON:
            bots.TRICKS[person.visit.kind](person)
            return Outcome.BOT
        _read(person)
        for _ in range(_MOST_STARTS):
            try:
                return _apply(person)
            except Lapsed:
                continue
    except Over as over:
        return over.outcome
    return Outcome.GAVE_UP


def _read(person: Person) -> None:
    person.insist(Step.READ, "GET", person.page)
    person.think(_READING_SECONDS + _TYPING_SECONDS)
    if person.has(Habit.CHECKING):
        person.insist(Step.PRECHECK, "POST", f"{person.page}/precheck", person.form)


def _apply(person: Person) -> Outcome:
    given = enter(person)
    if person.has(Habit.VANISHING):
        return Outcome.VANISHED
    url, receipt = f"/v1/applications/{given.id}", {"Authorization": f"Bearer {given.receipt}"}
    confirm_phone(person, url, receipt)
    return _follow(person, url, receipt)


def _follow(person: Person, url: str, receipt: Mapping[str, str]) -> Outcome:
    person.think(_FIRST_LOOK_SECONDS)
    pause_seconds = _SHORTEST_LOOK_SECONDS
    while True:
        state = person.insist(Step.LOOK, "GET", url, headers=receipt).said.state
        if state in _SERVED:
            return Outcome.SERVED
        if state == "refused":
            return Outcome.REFUSED
        person.talk.pause(pause_seconds)
        if not person.plan.closed:
            pause_seconds = min(pause_seconds * _LOOK_GROWTH, _LONGEST_LOOK_SECONDS)
