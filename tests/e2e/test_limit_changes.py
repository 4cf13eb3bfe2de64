"""The one promise that must hold while operators steer: never more in process than the limit lets in."""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from loadtests.aof import read_steps, recompute_live
from tests.e2e.applicants import Applicant, Crowd, open_session
from tests.e2e.operators import Operator, facts, operator_of
from tests.e2e.stack import Stack, running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

FIRST_LIMIT = 20
# Up and down, below what is taken and to nobody at all.
LIMITS = (8, 30, 5, 25, 12, 0, 3, 28, 10, 40)
# More than any of these limits.
AT_ONCE = 60

# It is for the process that is asked least to be asked several times.
WATCHED_SECONDS = 2.5

# What is wanted is one second, on an idle machine; this one may be busy.
SEEN_SECONDS = 5.0


@asynccontextmanager
async def people_who_keep_coming(crowd: Crowd) -> AsyncIterator[None]:
    numbers = itertools.count()

    async def come() -> None:
        for n in numbers:
            await crowd.apply(Applicant(n))

    async with asyncio.TaskGroup() as group:
        coming = [group.create_task(come()) for _ in range(AT_ONCE)]
        yield
        for task in coming:
            task.cancel()


async def seconds_until_seen(session: aiohttp.ClientSession, stack: Stack, limit: int) -> float:
    """Until the last answer with another limit, whichever process gave it."""
    began_at, seen_after = time.monotonic(), 0.0
    while (elapsed := time.monotonic() - began_at) < max(WATCHED_SECONDS, seen_after + 1):
        if (await facts(session, stack))["limit"] != limit:
            seen_after = elapsed
        await asyncio.sleep(0.02)
    return seen_after


async def change_ten_times(
    session: aiohttp.ClientSession, stack: Stack, operator: Operator
) -> dict[int, float]:
    seen_after = {}
    for old, new in itertools.pairwise((FIRST_LIMIT, *LIMITS)):
        made = await operator.change(f"step to {new}", limit=(old, new))
        assert (made["old"], made["new"]) == ({"limit": old}, {"limit": new})
        seen_after[new] = await seconds_until_seen(session, stack, new)
    return seen_after


async def test_through_ten_changes_of_the_limit_nobody_is_let_in_above_it(tmp_path: Path) -> None:
    with running(tmp_path / "data", limit=str(FIRST_LIMIT), gateways="2") as stack:
        async with open_session() as session, operator_of(stack) as operator:
            async with people_who_keep_coming(Crowd(session, stack.gateway, stack.standins)):
                seen_after = await change_ten_times(session, stack, operator)
            told = (await operator.get("/v1/audit?limit=50"))["lines"]

    steps = list(recompute_live(read_steps(stack.data_dir / "valkey" / "appendonlydir"), "42500"))
    entered = sum(step.entered for step in steps)
    after = ", ".join(f"{new}: {seconds:.2f} s" for new, seconds in seen_after.items())
    sys.stdout.write(f"let in: {entered}; a new limit was seen by both processes after: {after}\n")
    assert [step for step in steps if step.is_over] == []
    assert not any(step.entered for step in steps if step.limit == 0)
    # It was no empty house: the limit was what kept people out.
    reached = {step.limit for step in steps if step.entered and step.live == step.limit}
    assert len(reached & set(LIMITS)) > 1
    made = [line for line in reversed(told) if (line["action"], line["outcome"]) == ("change", "done")]
    assert [line["details"]["new"]["limit"] for line in made] == list(LIMITS)
    assert max(seen_after.values()) < SEEN_SECONDS, seen_after
