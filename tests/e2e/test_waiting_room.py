import asyncio
import subprocess
import time
from pathlib import Path

import aiohttp
import pytest
from redis import Redis

from tests.e2e.applicants import Applicant, Crowd, open_session
from tests.e2e.stack import ROOT, Stack, running

LIMIT, PEOPLE = 10, 120

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def set_limit(stack: Stack, limit: int) -> None:
    subprocess.run(
        [str(ROOT / "qabyldau"), "limit", "set", "42500", str(limit), "--reason", "test"],
        env=stack.environ,
        check=True,
        capture_output=True,
    )


async def limit_seen(session: aiohttp.ClientSession, stack: Stack) -> int:
    # A connection of its own each time, so that now one process answers and now the other.
    headers = {"Connection": "close"}
    async with session.get(f"{stack.gateway}/v1/programmes/42500", headers=headers) as response:
        return int((await response.json())["limit"])


async def test_twelve_times_the_slots_come_through_in_their_turn_and_never_one_too_many(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "data", limit=str(LIMIT), gateways="2") as stack:
        async with open_session() as session:
            crowd = Crowd(session, stack.gateway, stack.standins)

            accepted = await asyncio.gather(*(crowd.apply(Applicant(n)) for n in range(PEOPLE)))

            await crowd.until_all(accepted, "assigned", seconds=60)
            assert await crowd.effects() == {one.id: 1 for one in accepted}
            await asyncio.sleep(1.5)  # The facts are at most a second old.
            assert await crowd.in_process() == 0
            with Redis.from_url(stack.redis_url()) as redis:
                assert int(redis.hget("{42500}:door", "high") or 0) == LIMIT


async def test_a_limit_is_changed_from_the_command_line_and_seen_by_every_process_at_once(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "data", gateways="2") as stack:
        async with open_session() as session:
            assert await limit_seen(session, stack) == 25_000

            set_limit(stack, 18_000)

            began = time.monotonic()
            seen = [await limit_seen(session, stack)]
            while set(seen[-10:]) != {18_000} or len(seen) < 10:
                assert time.monotonic() - began < 10, seen[-10:]
                seen.append(await limit_seen(session, stack))
                await asyncio.sleep(0.05)
    with running(tmp_path / "data") as stack:
        async with open_session() as session:
            assert await limit_seen(session, stack) == 18_000
