import time

from gateway.domain.case import State
from gateway.register.entries import Entry, Step
from gateway.register.journal import Journal
from tests.integration.register.applicants import FORWARDED, entry_of, register_one


async def refuse_one(journal: Journal, programme: str, at_ms: int) -> Entry:
    return await register_one(journal, programme, FORWARDED[0], Step(State.REFUSED, at_ms))


async def decide_one(journal: Journal, programme: str, at_ms: int) -> Entry:
    entry = await register_one(journal, programme, *FORWARDED)
    await journal.decide(entry.application_id, entry.number, State.ASSIGNED, at_ms, at_ms, None)
    return await entry_of(journal, entry.application_id)


async def test_the_ended_are_told_in_the_order_in_which_they_ended(journal: Journal, programme: str) -> None:
    late, early = await decide_one(journal, programme, 60), await refuse_one(journal, programme, 50)
    await decide_one(journal, programme, 70)
    await register_one(journal, programme, *FORWARDED)
    assert await journal.undelivered(programme, 10, 70) == [early, late]
    assert await journal.undelivered(programme, 1, 70) == [early]


async def test_who_was_told_is_told_no_more_and_the_first_time_counts(
    journal: Journal, programme: str
) -> None:
    application_id = (await decide_one(journal, programme, 60)).application_id
    await journal.mark_notified(application_id, 80)
    await journal.mark_notified(application_id, 90)
    assert (await entry_of(journal, application_id)).notified_at_ms == 80
    assert await journal.undelivered(programme, 10, 100) == []


async def test_a_new_receipt_takes_the_place_of_the_old(journal: Journal, programme: str) -> None:
    application_id = (await register_one(journal, programme)).application_id
    await journal.replace_receipt(application_id, "cd" * 32)
    assert (await entry_of(journal, application_id)).receipt_hash == "cd" * 32


async def test_personal_data_of_the_ended_are_erased_and_what_happened_stays(
    journal: Journal, programme: str
) -> None:
    before = await decide_one(journal, programme, 60)
    started_ms = time.time_ns() // 1_000_000
    assert await journal.erase_personal(programme, 61, 10) == 1
    entry = await entry_of(journal, before.application_id)
    assert (entry.sealed, entry.sealed_phone, entry.phone_hash) == (None, None, None)
    assert entry.erased_at_ms is not None
    assert entry.erased_at_ms >= started_ms
    assert (entry.number, entry.state, entry.history) == (before.number, before.state, before.history)
    assert entry.decision == before.decision


async def test_only_those_that_ended_before_are_erased_so_many_at_a_time_and_each_once(
    journal: Journal, programme: str
) -> None:
    first, second, third = [await refuse_one(journal, programme, at_ms) for at_ms in (50, 51, 52)]
    going_on = await register_one(journal, programme, *FORWARDED)
    await journal.park(going_on_too := (await register_one(journal, programme)).application_id, 3, 1, "x", 4)
    assert [await journal.erase_personal(programme, 52, 1) for _ in range(3)] == [1, 1, 0]
    for entry in (first, second):
        assert (await entry_of(journal, entry.application_id)).sealed is None
    for application_id in (third.application_id, going_on.application_id, going_on_too):
        assert (await entry_of(journal, application_id)).sealed is not None


async def test_nobody_is_told_whose_phone_is_erased(journal: Journal, programme: str) -> None:
    await refuse_one(journal, programme, 50)
    await journal.erase_personal(programme, 51, 10)
    assert await journal.undelivered(programme, 10, 100) == []
