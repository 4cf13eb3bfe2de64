"""A case goes on, and its journal with it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from gateway.domain.case import DECIDED, TRANSITIONS, State
from gateway.register.entries import StaleFence, Step, WrongTransition
from gateway.register.loading import load_decision, load_history, lock
from gateway.register.timeline import go_on

# Parking needs a reason, unparking ends the tokens before it, a decision may come early: they have own verbs.
_OTHER_VERBS: Final = DECIDED | {State.PARKED, State.ACCEPTED}


def record(connection: Connection, application_id: str, states: Sequence[Step], fence: int) -> State:
    row = lock(connection, application_id)
    if fence < row.fence:
        raise StaleFence(application_id, fence, row.fence)
    history = load_history(connection, application_id)
    fresh = _leave_out_repeats(application_id, history, states)
    if not fresh:
        return history[-1].state
    if fresh[-1].state is State.FORWARDED:
        decision = load_decision(connection, application_id)
        if decision is not None:
            fresh.append(Step(decision.decision, max(decision.received_at_ms, fresh[-1].at_ms)))
    return go_on(connection, application_id, fresh, after=len(history), fence=fence)


def _leave_out_repeats(application_id: str, history: Sequence[Step], states: Sequence[Step]) -> list[Step]:
    """Check each step against the state before it; return those that are new.

    Between two parkings a case enters each state once. So a state that it has been in since it was last
    parked is being told again, be it with the time of the second telling.
    """
    current = history[-1].state
    entered: set[State] = set()
    for step in history:
        if step.state is State.PARKED:
            entered.clear()
        else:
            entered.add(step.state)
    fresh: list[Step] = []
    for step in states:
        if step.state in entered:
            continue
        if step.state not in TRANSITIONS[current] - _OTHER_VERBS:
            raise WrongTransition(application_id, current, step.state)
        fresh.append(step)
        entered.add(step.state)
        current = step.state
    return fresh
