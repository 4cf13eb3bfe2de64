import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.domain.case import State, journal_number, new_application_id
from gateway.register.entries import Step
from gateway.register.journal import Journal, open_journal
from tests.integration.register.applicants import entry_of, new_entry, register_one


def numbers(programme: str, first: int, last: int, year: int = 2026) -> list[str]:
    return [journal_number(programme, year, sequence) for sequence in range(first, last + 1)]


def at_ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]  # Year to minute.


async def test_applications_are_numbered_in_the_order_in_which_they_come(
    journal: Journal, programme: str
) -> None:
    given = [await journal.register(new_entry(programme)) for _ in range(3)]
    assert given == numbers(programme, 1, 3)


async def test_an_entry_comes_back_as_it_went_in(journal: Journal, programme: str) -> None:
    new = new_entry(programme)
    number = await journal.register(new)
    entry = await entry_of(journal, new.application_id)
    assert {name: getattr(entry, name) for name in new.__slots__} == {
        name: getattr(new, name) for name in new.__slots__
    }
    assert (entry.number, entry.programme, entry.state) == (number, programme, State.ACCEPTED)
    assert await journal.get_by_number(number) == entry


async def test_nobody_is_found_under_an_unknown_id_or_number(journal: Journal, programme: str) -> None:
    assert await journal.get(new_application_id(programme)) is None
    for number in (f"{programme}-2026-0000001", f"{programme}-2026-1", "\0", ""):
        assert await journal.get_by_number(number) is None


async def test_the_same_application_keeps_its_number_and_takes_no_other(
    journal: Journal, programme: str
) -> None:
    entry = new_entry(programme)
    first = await journal.register(entry)
    assert await journal.register(entry) == first
    assert await journal.register(new_entry(programme)) == journal_number(programme, 2026, 2)


async def test_the_year_is_that_of_almaty_and_each_year_begins_at_one(
    journal: Journal, programme: str
) -> None:
    before = new_entry(programme, accepted_at_ms=at_ms(2026, 12, 31, 18, 59))
    after = new_entry(programme, accepted_at_ms=at_ms(2026, 12, 31, 19, 0))
    given = [await journal.register(entry) for entry in (before, after)]
    assert given == [journal_number(programme, 2026, 1), journal_number(programme, 2027, 1)]


async def test_an_application_that_comes_again_while_parked_stays_parked(
    journal: Journal, programme: str
) -> None:
    new = new_entry(programme)
    number = await journal.register(new)
    await journal.park(new.application_id, 3, 1, "unknown", 10)
    parked = await entry_of(journal, new.application_id)
    assert await journal.register(replace(new, fence=9)) == number
    assert await entry_of(journal, new.application_id) == parked


async def test_an_application_that_comes_again_with_a_newer_token_shuts_out_the_older(
    journal: Journal, programme: str
) -> None:
    new = new_entry(programme)
    await journal.register(new)
    await journal.register(replace(new, fence=9))
    await journal.register(replace(new, fence=4))
    assert (await entry_of(journal, new.application_id)).fence == 9


@pytest.mark.parametrize("history", [(), (Step(State.AWAITING_PHONE, 1),)])
async def test_an_application_is_not_registered_before_it_is_accepted(
    journal: Journal, programme: str, history: tuple[Step, ...]
) -> None:
    with pytest.raises(ValueError, match="being processed"):
        await journal.register(replace(new_entry(programme), history=history))


async def test_a_number_that_was_rolled_back_is_given_to_the_next(journal: Journal, programme: str) -> None:
    await journal.register(new_entry(programme))
    with pytest.raises(IntegrityError):
        await journal.register(replace(new_entry(programme), person=cast("str", None)))
    assert await journal.register(new_entry(programme)) == journal_number(programme, 2026, 2)


async def test_journals_that_race_for_a_first_number_or_an_application_agree(
    dsn: str, programme: str
) -> None:
    journals = [open_journal(dsn) for _ in range(4)]
    same, other = new_entry(programme), new_entry(programme)
    given = await asyncio.gather(
        *(journal.register(entry) for journal in journals for entry in (same, other, same, other))
    )
    assert sorted(set(given)) == numbers(programme, 1, 2)
    assert given[::2] == [given[0]] * 8
    for journal in journals:
        await journal.close()


async def test_a_cancelled_caller_leaves_neither_a_gap_nor_a_lock(journal: Journal, programme: str) -> None:
    callers = [asyncio.create_task(journal.register(new_entry(programme))) for _ in range(24)]
    for caller in random.sample(callers, 16):
        await asyncio.sleep(0.002)
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    registered = sum((await journal.states(programme)).values())
    assert await journal.register(new_entry(programme)) == journal_number(programme, 2026, registered + 1)
    for number in numbers(programme, 1, registered + 1):
        assert await journal.get_by_number(number) is not None


async def start_registrar(dsn: str, programme: str, count: int) -> Process:
    module = "tests.integration.register.registrar"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, dsn, programme, str(count), stdout=PIPE
    )


async def read_number(registrar: Process) -> str:
    assert registrar.stdout is not None
    return (await registrar.stdout.readline()).decode().strip()


async def test_processes_side_by_side_give_numbers_without_gaps_or_doubles(
    dsn: str, journal: Journal, programme: str
) -> None:
    steady = [await start_registrar(dsn, programme, 15) for _ in range(3)]
    killed = await start_registrar(dsn, programme, 1_000_000)
    given = [await read_number(killed) for _ in range(10)]
    killed.kill()
    rest = [(await registrar.communicate())[0].decode().split() for registrar in (*steady, killed)]
    given += [number for numbers in rest for number in numbers]
    registered = sum((await journal.states(programme)).values())
    assert len(set(given)) == len(given)
    assert set(given) <= set(numbers(programme, 1, registered))
    # The one that was killed may have committed its last number without a word.
    assert registered - len(given) in {0, 1}
    for number in numbers(programme, 1, registered):
        assert await journal.get_by_number(number) is not None
    assert (await register_one(journal, programme)).number == journal_number(programme, 2026, registered + 1)
