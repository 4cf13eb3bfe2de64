import asyncio

import pytest

from gateway.domain.case import State, new_application_id
from gateway.register.entries import Decision, DecisionOutcome, Entry, Step, Verdict
from gateway.register.journal import Journal
from tests.integration.register.applicants import FORWARDED, entry_of, register_one


async def decide(
    journal: Journal, entry: Entry, decision: Verdict, received_at_ms: int = 100
) -> DecisionOutcome:
    return await journal.decide(
        entry.application_id, entry.number, decision, received_at_ms - 1, received_at_ms, "per rules"
    )


@pytest.mark.parametrize("decision", [State.ASSIGNED, State.DENIED])
async def test_a_decision_ends_a_forwarded_application(
    journal: Journal, programme: str, decision: Verdict
) -> None:
    forwarded = await register_one(journal, programme, *FORWARDED)
    assert await decide(journal, forwarded, decision) is DecisionOutcome.APPLIED
    entry = await entry_of(journal, forwarded.application_id)
    assert (entry.state, entry.ended_at_ms, entry.history[-1]) == (decision, 100, Step(decision, 100))
    assert entry.decision == Decision(decision, 99, 100, "per rules")


@pytest.mark.parametrize("told", range(3))
async def test_a_decision_that_overtakes_the_worker_takes_effect_once_it_is_forwarded(
    journal: Journal, programme: str, told: int
) -> None:
    early = await register_one(journal, programme, *FORWARDED[:told])
    assert await decide(journal, early, State.ASSIGNED) is DecisionOutcome.RECORDED_EARLY
    assert (await entry_of(journal, early.application_id)).state is early.state
    assert await journal.record(early.application_id, FORWARDED, 1) is State.ASSIGNED
    entry = await entry_of(journal, early.application_id)
    assert entry.history[-4:] == (*FORWARDED, Step(State.ASSIGNED, 100))
    assert entry.ended_at_ms == 100


async def test_a_decision_and_the_worker_arriving_together_end_the_application_either_way(
    journal: Journal, programme: str
) -> None:
    for _ in range(10):
        entry = await register_one(journal, programme, *FORWARDED[:2])
        outcome, _ = await asyncio.gather(
            decide(journal, entry, State.ASSIGNED),
            journal.record(entry.application_id, FORWARDED, 1),
        )
        assert outcome in {DecisionOutcome.APPLIED, DecisionOutcome.RECORDED_EARLY}
        history = (await entry_of(journal, entry.application_id)).history
        assert history[-2:] == (FORWARDED[-1], Step(State.ASSIGNED, 100))


async def test_a_history_never_goes_back_in_time_for_a_decision_that_came_early(
    journal: Journal, programme: str
) -> None:
    early = await register_one(journal, programme)
    await decide(journal, early, State.DENIED, received_at_ms=4)
    await journal.record(early.application_id, FORWARDED, 1)
    assert (await entry_of(journal, early.application_id)).history[-1] == Step(State.DENIED, 5)


async def test_a_decision_about_a_parked_case_waits_for_it(journal: Journal, programme: str) -> None:
    parked = await register_one(journal, programme)
    await journal.park(parked.application_id, 20, 1, "no_answer", 30)
    assert await decide(journal, parked, State.ASSIGNED) is DecisionOutcome.RECORDED_EARLY
    await journal.unpark(parked.application_id, 200, 1)
    later = [Step(State.FORWARDING, 201), Step(State.FORWARDED, 202)]
    assert await journal.record(parked.application_id, later, 3) is State.ASSIGNED
    assert (await entry_of(journal, parked.application_id)).ended_at_ms == 202


@pytest.mark.parametrize("states", [(), FORWARDED])
async def test_a_decision_that_comes_again_is_repeated_and_another_contradicts(
    journal: Journal, programme: str, states: tuple[Step, ...]
) -> None:
    entry = await register_one(journal, programme, *states)
    await decide(journal, entry, State.ASSIGNED)
    before = await entry_of(journal, entry.application_id)
    assert await decide(journal, entry, State.ASSIGNED, 150) is DecisionOutcome.REPEATED
    assert await decide(journal, entry, State.DENIED, 150) is DecisionOutcome.CONTRADICTS
    assert await entry_of(journal, entry.application_id) == before


async def test_a_decision_about_a_case_that_was_refused_here_contradicts(
    journal: Journal, programme: str
) -> None:
    refused = await register_one(journal, programme, FORWARDED[0], Step(State.REFUSED, 4))
    assert await decide(journal, refused, State.ASSIGNED) is DecisionOutcome.CONTRADICTS
    assert await entry_of(journal, refused.application_id) == refused


async def test_a_reason_with_a_nul_in_it_is_written_down_without(journal: Journal, programme: str) -> None:
    entry = await register_one(journal, programme, *FORWARDED)
    await journal.decide(entry.application_id, entry.number, State.DENIED, 99, 100, "no\0 income")
    assert (await entry_of(journal, entry.application_id)).decision == Decision(
        State.DENIED, 99, 100, "no income"
    )


async def test_a_decision_under_an_unknown_id_or_another_number_is_unknown(
    journal: Journal, programme: str
) -> None:
    one, other = [await register_one(journal, programme, *FORWARDED) for _ in range(2)]
    for application_id, number in (
        (new_application_id(programme), one.number),
        (one.application_id, other.number),
    ):
        outcome = await journal.decide(application_id, number, State.ASSIGNED, 99, 100, None)
        assert outcome is DecisionOutcome.UNKNOWN
    assert await entry_of(journal, one.application_id) == one
