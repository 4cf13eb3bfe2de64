"""A decision arrives, in its time, too early, twice, or against another."""

from sqlalchemy import Connection, insert

from gateway.domain.case import ENDED, State
from gateway.register.entries import Decision, DecisionOutcome, Step, UnknownApplication
from gateway.register.loading import load_decision, load_history, lock
from gateway.register.schema import decisions
from gateway.register.timeline import go_on


def decide(connection: Connection, application_id: str, number: str, decision: Decision) -> DecisionOutcome:
    try:
        row = lock(connection, application_id)
    except UnknownApplication:
        return DecisionOutcome.UNKNOWN
    if row.number != number:
        return DecisionOutcome.UNKNOWN
    known = load_decision(connection, application_id)
    if known is not None:
        same = known.decision == decision.decision
        return DecisionOutcome.REPEATED if same else DecisionOutcome.CONTRADICTS
    if row.state in ENDED:
        # It was refused here; nobody else was asked to decide it.
        return DecisionOutcome.CONTRADICTS
    connection.execute(
        insert(decisions).values(
            application_id=application_id,
            decision=decision.decision,
            decided_at_ms=decision.decided_at_ms,
            received_at_ms=decision.received_at_ms,
            # PostgreSQL holds no NUL in a text, and a decision must not fail for one.
            reason=decision.reason and decision.reason.replace("\0", ""),
        )
    )
    if row.state != State.FORWARDED:
        return DecisionOutcome.RECORDED_EARLY
    history = load_history(connection, application_id)
    step = Step(decision.decision, max(decision.received_at_ms, history[-1].at_ms))
    go_on(connection, application_id, [step], after=len(history))
    return DecisionOutcome.APPLIED
