"""An operator of a running service: with a token, and the API."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.e2e.stack import ROOT, Stack

PROGRAMME_URL = "/v1/programmes/42500"


def new_token(stack: Stack, name: str) -> str:
    """An operator's, as somebody with a shell on the machine makes it."""
    command = [str(ROOT / "qabyldau"), "tokens", "create", name, "--role", "operator"]
    made = subprocess.run(
        [*command, "--valid-for", "1h", "--reason", "test"],
        env=stack.environ,
        check=True,
        capture_output=True,
    )
    return made.stdout.decode().strip()


class Operator:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str) -> Any:
        async with self._session.get(path) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()

    async def change(self, reason: str, **changes: Any) -> Any:
        """Each change is (expected, new)."""
        body = {
            "changes": {name: new for name, (_, new) in changes.items()},
            "expected": {name: old for name, (old, _) in changes.items()},
            "reason": reason,
        }
        async with self._session.post(f"{PROGRAMME_URL}/changes", json=body) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.json()


@asynccontextmanager
async def operator_of(stack: Stack) -> AsyncIterator[Operator]:
    headers = {"Authorization": f"Bearer {new_token(stack, 'aigul')}"}
    async with aiohttp.ClientSession(stack.operators, headers=headers) as session:
        # The gateways are ready without the operators' process, which may still be starting.
        while not await _answers(session):  # noqa: ASYNC110 - It is elsewhere.
            await asyncio.sleep(0.05)
        yield Operator(session)


async def _answers(session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get("/v1/me") as reply:
            return reply.status == 200
    except aiohttp.ClientConnectionError:
        return False


async def facts(session: aiohttp.ClientSession, stack: Stack) -> Any:
    """What the public sees; by a connection of its own, which now one process gets and now another."""
    async with session.get(f"{stack.gateway}{PROGRAMME_URL}", headers={"Connection": "close"}) as reply:
        return await reply.json()
