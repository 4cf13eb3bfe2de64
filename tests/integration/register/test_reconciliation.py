from gateway.domain.case import State
from gateway.register.entries import Step
from gateway.register.journal import Journal
from tests.integration.register.applicants import FORWARDED, register_one


async def test_every_application_is_counted_in_exactly_one_state(journal: Journal, programme: str) -> None:
    for told in (0, 0, 1, 3, 3, 3):
        await register_one(journal, programme, *FORWARDED[:told])
    await journal.park((await register_one(journal, programme)).application_id, 3, 1, "no_answer", 4)
    assert await journal.states(programme) == {
        State.ACCEPTED: 2,
        State.VERIFYING: 1,
        State.FORWARDED: 3,
        State.PARKED: 1,
    }


async def test_the_forwarded_are_listed_piece_by_piece_decided_or_not(
    journal: Journal, programme: str
) -> None:
    forwarded = [await register_one(journal, programme, *FORWARDED) for _ in range(5)]
    one = forwarded[0]
    await journal.decide(one.application_id, one.number, State.DENIED, 6, 6, None)
    await register_one(journal, programme, *FORWARDED[:2])
    listed: list[str] = []
    while page := await journal.forwarded_ids(programme, listed[-1] if listed else "", 2):
        listed += page
    assert sorted(listed) == sorted(entry.application_id for entry in forwarded)
    assert len(listed) == 5


async def test_what_is_in_process_with_nothing_new_is_stuck_the_oldest_first(
    journal: Journal, programme: str
) -> None:
    newer = await register_one(journal, programme, Step(State.VERIFYING, 40))
    older = await register_one(journal, programme, Step(State.FORWARDING, 30))
    await register_one(journal, programme, Step(State.VERIFYING, 50))
    await register_one(journal, programme, *FORWARDED)
    await register_one(journal, programme, Step(State.VERIFYING, 4), Step(State.REFUSED, 5))
    await journal.park((await register_one(journal, programme)).application_id, 3, 1, "no_answer", 4)
    assert await journal.stuck(programme, 50, 10) == [older, newer]
    assert await journal.stuck(programme, 50, 1) == [older]
