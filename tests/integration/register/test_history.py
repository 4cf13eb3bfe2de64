import pytest

from gateway.domain.case import State, new_application_id
from gateway.register.entries import StaleFence, Step, UnknownApplication, WrongTransition
from gateway.register.journal import Journal
from tests.integration.register.applicants import ACCEPTED, FORWARDED, entry_of, register_one

VERIFYING, FORWARDING, _ = FORWARDED


async def test_a_case_goes_on_and_its_history_with_it(journal: Journal, programme: str) -> None:
    application_id = (await register_one(journal, programme)).application_id
    assert await journal.record(application_id, [VERIFYING], 1) is State.VERIFYING
    assert await journal.record(application_id, FORWARDED[1:], 2) is State.FORWARDED
    entry = await entry_of(journal, application_id)
    assert (entry.state, entry.fence, entry.ended_at_ms) == (State.FORWARDED, 2, None)
    assert entry.history == (*ACCEPTED, *FORWARDED)


async def test_a_refusal_ends_an_application(journal: Journal, programme: str) -> None:
    entry = await register_one(journal, programme, VERIFYING, Step(State.REFUSED, 7))
    assert (entry.state, entry.ended_at_ms) == (State.REFUSED, 7)


async def test_a_step_told_again_changes_nothing_even_with_the_time_of_the_second_telling(
    journal: Journal, programme: str
) -> None:
    before = await register_one(journal, programme, VERIFYING, FORWARDING)
    for again in ([VERIFYING, FORWARDING], [Step(State.VERIFYING, 90)], [*ACCEPTED, VERIFYING], []):
        assert await journal.record(before.application_id, again, 1) is State.FORWARDING
    assert await entry_of(journal, before.application_id) == before


async def test_an_older_token_is_refused_even_for_a_step_that_is_there(
    journal: Journal, programme: str
) -> None:
    application_id = (await register_one(journal, programme)).application_id
    await journal.record(application_id, [VERIFYING], 5)
    for step in (VERIFYING, FORWARDING):
        with pytest.raises(StaleFence):
            await journal.record(application_id, [step], 4)
    assert (await entry_of(journal, application_id)).state is State.VERIFYING


@pytest.mark.parametrize(
    "states",
    [
        [Step(State.FORWARDED, 3)],
        [VERIFYING, Step(State.FORWARDED, 4)],
        [VERIFYING, Step(State.LAPSED, 4)],
        [Step(State.PARKED, 3)],
        [*FORWARDED, Step(State.ASSIGNED, 6)],
    ],
)
async def test_of_steps_of_which_one_is_wrong_none_is_recorded(
    journal: Journal, programme: str, states: list[Step]
) -> None:
    before = await register_one(journal, programme)
    with pytest.raises(WrongTransition):
        await journal.record(before.application_id, states, 2)
    assert await entry_of(journal, before.application_id) == before


async def test_a_parked_case_does_not_go_on_before_it_is_let_in_again(
    journal: Journal, programme: str
) -> None:
    application_id = (await register_one(journal, programme, VERIFYING)).application_id
    await journal.park(application_id, 4, 1, "unknown", 10)
    for step in (VERIFYING, FORWARDING, Step(State.ACCEPTED, 5)):
        with pytest.raises(WrongTransition) as refused:
            await journal.record(application_id, [step], 2)
        assert refused.value.current is State.PARKED


async def test_what_is_not_in_the_journal_cannot_be_changed(journal: Journal, programme: str) -> None:
    nobody = new_application_id(programme)
    for change in (
        journal.record(nobody, [VERIFYING], 1),
        journal.park(nobody, 3, 1, "unknown", None),
        journal.unpark(nobody, 3, 1),
        journal.mark_notified(nobody, 3),
        journal.replace_receipt(nobody, "cd" * 32),
    ):
        with pytest.raises(UnknownApplication):
            await change
