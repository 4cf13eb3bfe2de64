import pytest

from gateway.domain.case import State
from gateway.register.entries import DEAD_LETTER, Entry, StaleFence, Step, WrongTransition
from gateway.register.journal import Journal
from tests.integration.register.applicants import FORWARDED, entry_of, register_one

VERIFYING, FORWARDING, _ = FORWARDED


async def park_one(
    journal: Journal, programme: str, retry_at_ms: int | None, reason: str = "no_answer"
) -> Entry:
    application_id = (await register_one(journal, programme, VERIFYING)).application_id
    await journal.park(application_id, 20, 1, reason, retry_at_ms)
    return await entry_of(journal, application_id)


async def test_a_parked_case_says_why_since_when_and_when_it_is_tried_again(
    journal: Journal, programme: str
) -> None:
    entry = await park_one(journal, programme, 30)
    assert (entry.state, entry.history[-1]) == (State.PARKED, Step(State.PARKED, 20))
    assert (entry.park_reason, entry.parked_since_ms, entry.retry_at_ms) == ("no_answer", 20, 30)
    assert entry.parks == 1


async def test_a_case_let_in_again_is_accepted_and_no_longer_parked(journal: Journal, programme: str) -> None:
    application_id = (await park_one(journal, programme, 30)).application_id
    await journal.unpark(application_id, 40, 2)
    entry = await entry_of(journal, application_id)
    assert (entry.state, entry.history[-1]) == (State.ACCEPTED, Step(State.ACCEPTED, 40))
    assert (entry.park_reason, entry.parked_since_ms, entry.retry_at_ms) == (None, None, None)
    assert await journal.record(application_id, [Step(State.VERIFYING, 50)], 2) is State.VERIFYING


async def test_parkings_are_counted(journal: Journal, programme: str) -> None:
    application_id = (await park_one(journal, programme, 30)).application_id
    await journal.unpark(application_id, 40, 2)
    await journal.park(application_id, 50, 2, "no_answer", 60)
    assert (await entry_of(journal, application_id)).parks == 2


async def test_parking_again_changes_nothing(journal: Journal, programme: str) -> None:
    before = await park_one(journal, programme, 30)
    await journal.park(before.application_id, 25, 1, "other", 35)
    assert await entry_of(journal, before.application_id) == before


async def test_parking_again_under_a_newer_token_brings_its_reason(journal: Journal, programme: str) -> None:
    application_id = (await park_one(journal, programme, 30)).application_id
    await journal.park(application_id, 25, 2, DEAD_LETTER, None)
    entry = await entry_of(journal, application_id)
    assert (entry.park_reason, entry.retry_at_ms, entry.fence) == (DEAD_LETTER, None, 2)
    assert (entry.parks, entry.parked_since_ms) == (1, 20)


async def test_a_late_call_of_the_worker_that_parked_a_case_does_not_park_it_again(
    journal: Journal, programme: str
) -> None:
    parked = await park_one(journal, programme, 30)
    await journal.unpark(parked.application_id, 40, parked.fence)
    with pytest.raises(StaleFence):
        await journal.park(parked.application_id, 20, 1, "no_answer", 30)
    assert (await entry_of(journal, parked.application_id)).state is State.ACCEPTED


async def test_letting_in_is_refused_to_an_older_token_and_does_nothing_to_what_is_not_parked(
    journal: Journal, programme: str
) -> None:
    parked = await park_one(journal, programme, 30)
    with pytest.raises(StaleFence):
        await journal.unpark(parked.application_id, 40, parked.fence - 1)
    going_on = await register_one(journal, programme, VERIFYING)
    await journal.unpark(going_on.application_id, 40, 9)
    assert await entry_of(journal, going_on.application_id) == going_on


async def test_a_late_repeat_of_letting_in_does_not_undo_the_next_parking(
    journal: Journal, programme: str
) -> None:
    application_id = (await park_one(journal, programme, 30)).application_id
    await journal.unpark(application_id, 40, 5)
    await journal.park(application_id, 50, 5, "no_answer", 60)
    await journal.unpark(application_id, 40, 5)
    assert (await entry_of(journal, application_id)).state is State.PARKED


async def test_an_older_token_does_not_park(journal: Journal, programme: str) -> None:
    application_id = (await register_one(journal, programme)).application_id
    await journal.record(application_id, [VERIFYING], 5)
    with pytest.raises(StaleFence):
        await journal.park(application_id, 20, 4, "no_answer", 30)


async def test_what_was_forwarded_or_has_ended_is_not_parked(journal: Journal, programme: str) -> None:
    forwarded = await register_one(journal, programme, *FORWARDED)
    refused = await register_one(journal, programme, VERIFYING, Step(State.REFUSED, 4))
    for entry in (forwarded, refused):
        with pytest.raises(WrongTransition):
            await journal.park(entry.application_id, 20, 1, "no_answer", 30)


async def test_the_parked_are_due_in_the_order_of_their_times_and_dead_letters_never(
    journal: Journal, programme: str
) -> None:
    for retry_at_ms in (33, 31, 32, 34):
        await park_one(journal, programme, retry_at_ms)
    await park_one(journal, programme, None, DEAD_LETTER)
    await park_one(journal, programme, 30, DEAD_LETTER)
    assert [entry.retry_at_ms for entry in await journal.parked_due(programme, 33, 10)] == [31, 32, 33]
    assert [entry.retry_at_ms for entry in await journal.parked_due(programme, 33, 2)] == [31, 32]
    assert await journal.count_parked(programme) == 6


async def test_the_parked_of_another_programme_are_not_due(journal: Journal, programme: str) -> None:
    await park_one(journal, programme, 30)
    assert await journal.parked_due(f"{programme}x", 99, 10) == []
    assert await journal.count_parked(f"{programme}x") == 0
