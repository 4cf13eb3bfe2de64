"""Gateway, worker and Valkey are killed again and again while people apply; nobody is lost or doubled."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.applicants import Accepted, Applicant, Crowd, open_session
from tests.e2e.stack import Stack, running

PEOPLE, AT_ONCE = 1000, 40
KILLS_EACH = 10
ROLES = ("gateway", "worker", "valkey")
# People keep coming for about as long as the killing lasts.
ARRIVALS_PER_SECOND = 15

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


async def kill_at_random(stack: Stack, chance: random.Random) -> Counter[str]:
    """Kill each role KILLS_EACH times, in random order and at random moments."""
    killed: Counter[str] = Counter()
    left = list(ROLES * KILLS_EACH)
    chance.shuffle(left)
    while left:
        await asyncio.sleep(chance.uniform(0.3, 3.0))
        role = left[-1]
        if stack.kill(role):
            killed[role] += 1
            left.pop()
    return killed


async def test_nobody_is_lost_or_doubled_whoever_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - Shown when the test fails.
    with running(tmp_path / "data") as stack:
        async with open_session() as session:
            crowd = Crowd(session, stack.gateway, stack.standins)
            places = asyncio.Semaphore(AT_ONCE)

            async def apply(n: int) -> Accepted:
                await asyncio.sleep(n / ARRIVALS_PER_SECOND)
                async with places:
                    return await crowd.apply(Applicant(n))

            killing = asyncio.create_task(kill_at_random(stack, random.Random(seed)))
            accepted = await asyncio.gather(*(apply(n) for n in range(PEOPLE)))
            killed = await killing
            assert all(killed[role] >= KILLS_EACH for role in ROLES)
            stack_is_back = Crowd(session, stack.gateway, stack.standins)
            await _answering(stack_is_back)

            await crowd.until_all(accepted, "assigned", seconds=240)

            assert await crowd.effects() == {one.id: 1 for one in accepted}
            await asyncio.sleep(1.5)  # The facts are at most a second old.
            assert await crowd.in_process() == 0
            code, books = await stack.reconcile()
            assert code == 0, books
            assert (books["accepted"], books["registered"], books["at_e_maket"]) == (PEOPLE,) * 3


async def _answering(crowd: Crowd) -> None:
    """Wait until the last one killed is back."""
    for _ in range(100):
        try:
            await crowd.in_process()
        except (OSError, KeyError):
            await asyncio.sleep(0.2)
        else:
            await asyncio.sleep(1)
            return
