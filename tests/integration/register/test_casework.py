from dataclasses import replace

from gateway.register.entries import DEAD_LETTER, REPLAYED, Entry
from gateway.register.journal import Journal
from tests.integration.register.applicants import FORWARDED, entry_of, new_entry, register_one

VERIFYING, _, _ = FORWARDED


async def park_one(journal: Journal, programme: str, reason: str, at_ms: int = 20) -> Entry:
    application_id = (await register_one(journal, programme, VERIFYING)).application_id
    await journal.park(application_id, at_ms, 1, reason, None)
    return await entry_of(journal, application_id)


async def test_one_parked_case_is_tried_again_and_its_reason_stays(journal: Journal, programme: str) -> None:
    parked, other = [await park_one(journal, programme, "no_answer") for _ in range(2)]

    assert await journal.retry(parked.application_id, 99)

    (due,) = await journal.parked_due(programme, 99, 10)
    assert (due.application_id, due.park_reason) == (parked.application_id, "no_answer")
    assert await entry_of(journal, other.application_id) == other


async def test_one_dead_letter_is_tried_again_and_is_none_any_more(journal: Journal, programme: str) -> None:
    parked, other = [await park_one(journal, programme, DEAD_LETTER) for _ in range(2)]

    assert await journal.retry(parked.application_id, 99)

    (due,) = await journal.parked_due(programme, 99, 10)
    assert (due.application_id, due.park_reason) == (parked.application_id, REPLAYED)
    assert [entry.application_id for entry in await journal.parked_for(programme, DEAD_LETTER, 10)] == [
        other.application_id
    ]


async def test_what_is_not_parked_is_not_tried_again(journal: Journal, programme: str) -> None:
    entry = await register_one(journal, programme, VERIFYING)

    assert not await journal.retry(entry.application_id, 99)
    assert not await journal.retry("no-such", 99)
    assert await entry_of(journal, entry.application_id) == entry


async def test_dead_letters_come_oldest_first(journal: Journal, programme: str) -> None:
    for at_ms in (33, 31, 32):
        await park_one(journal, programme, DEAD_LETTER, at_ms)
    await park_one(journal, programme, "no_answer", 30)

    listed = await journal.parked_for(programme, DEAD_LETTER, 2)

    assert [entry.parked_since_ms for entry in listed] == [31, 32]
    assert await journal.parked_for(f"{programme}x", DEAD_LETTER, 2) == []


async def test_all_of_a_person_come_newest_first_and_nobody_elses(journal: Journal, programme: str) -> None:
    for accepted_at_ms in (31, 33, 32):
        await journal.register(new_entry(programme, accepted_at_ms=accepted_at_ms))
    await journal.register(replace(new_entry(programme), person="0f" * 16))

    found = await journal.of_person(programme, "5e" * 16)

    assert [entry.accepted_at_ms for entry in found] == [33, 32, 31]
    assert await journal.of_person(f"{programme}x", "5e" * 16) == []
