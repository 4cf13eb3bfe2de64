import asyncio
import time
from pathlib import Path

import pytest

from gateway.domain.calendar import journal_year
from gateway.domain.case import journal_number
from tests.e2e.applicants import Accepted, Applicant, Crowd, open_session
from tests.e2e.in_clear import found_in_clear
from tests.e2e.stack import running

PEOPLE, AT_ONCE = 500, 50

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


async def everybody_applies(crowd: Crowd) -> list[Accepted]:
    places = asyncio.Semaphore(AT_ONCE)

    async def apply(n: int) -> Accepted:
        async with places:
            return await crowd.apply(Applicant(n))

    return await asyncio.gather(*(apply(n) for n in range(PEOPLE)))


async def test_five_hundred_people_come_through_and_nothing_personal_stands_in_clear(tmp_path: Path) -> None:
    with running(tmp_path / "data") as stack:
        async with open_session() as session:
            crowd = Crowd(session, stack.gateway, stack.standins)
            accepted = await everybody_applies(crowd)
            await crowd.until_all(accepted, "assigned", seconds=120)

            assert await crowd.effects() == {one.id: 1 for one in accepted}
            year = journal_year(int(time.time() * 1000))
            numbers = {(await crowd.look(one))["number"] for one in accepted}
            assert numbers == {journal_number("42500", year, n) for n in range(1, PEOPLE + 1)}
            await asyncio.sleep(1.5)  # The facts are at most a second old.
            assert await crowd.in_process() == 0
            code, books = await stack.reconcile()
            assert code == 0, books
            assert (books["accepted"], books["registered"], books["at_e_maket"]) == (PEOPLE,) * 3
        everybody = [secret.encode() for one in accepted for secret in one.applicant.secrets_in_clear]
        assert found_in_clear(stack, everybody) == []
    assert found_in_clear(stack, everybody) == []
    # The search itself can find: the ids of applications do stand in the log.
    assert accepted[0].id in stack.log.read_text()
