"""Row 25: three gateways with three clocks, an hour apart, and the same people at each of their doors."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from loadtests.chaos.gateway import Gateway, gateway
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.people import address, form

_LIBRARIES = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"),
)
_CLOCKS = ("+0", "-1h", "+1h")
_PEOPLE, _SLOTS = 1_200, 900
# A lease of three minutes, told as a moment; the rest is how long the calls take.
_LEASE_SECONDS, _GRACE_SECONDS = 180.0, 30.0

Told = tuple[int, str, str]


async def run(folder: Path) -> Measured:
    library = next((one for one in _LIBRARIES if one.exists()), None)
    if library is None:
        return Measured(verdict=Verdict.NOT_RUN, says="libfaketime (package faketime) is not installed.")
    heard = []
    for number, clock in enumerate(_CLOCKS):
        env = {
            "LD_PRELOAD": f"{library}",
            "FAKETIME": clock,
            # Deadlines and pauses run on the other clock, which no wrong time of day moves.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "QABYLDAU_LIMIT": f"{_SLOTS}",
        }
        own = folder / f"{number}"
        await asyncio.to_thread(own.mkdir)
        async with gateway(own, env) as door:
            heard.append(await _hear(door))
    right = heard[0]
    differences = sum(one != other for wrong in heard[1:] for one, other in zip(right, wrong, strict=True))
    admitted = sum(status == HTTPStatus.ACCEPTED for status, _, _ in right)
    held = not differences and admitted == _SLOTS
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{len(right)} answers each (forms, repeats with their key, looks at the line) from gateways "
        f"whose clocks were right, an hour behind and an hour ahead: {differences} differ; {admitted} let in "
        "by each, the lease told to end when Redis's clock says.",
        acknowledged=3 * admitted,
        lost=0,
        doubled=differences,
    )


async def _hear(door: Gateway) -> list[Told]:
    """Ask one after the other, so that the same is asked in the same order everywhere."""
    url = f"{door.url}/v1/programmes/42500/applications"
    heard = []
    async with aiohttp.ClientSession() as session:
        for n in range(_PEOPLE):
            headers = {"X-Forwarded-For": address(n), "Idempotency-Key": f"clock-{n}"}
            for _ in range(2 if n % 10 == 0 else 1):
                async with session.post(url, json=form(n), headers=headers) as response:
                    said = await response.json()
                    heard.append((response.status, said.get("code", ""), _essence(said)))
            if ticket := said.get("ticket"):
                poll = {"Waiting-Ticket": ticket}
                async with session.get(f"{door.url}/v1/waiting-room", headers=poll) as response:
                    heard.append((response.status, (await response.json())["state"], ""))
    return heard


def _essence(said: dict[str, Any]) -> str:
    """What must be the same: the place in the line; that the lease ends when it should; no ids."""
    if "expires_at" in said:
        left = (datetime.fromisoformat(said["expires_at"]) - datetime.now(UTC)).total_seconds()
        return f"lease as it should be: {abs(left - _LEASE_SECONDS) < _GRACE_SECONDS}"
    return str(said.get("position", ""))


ROW = Row(
    number=25,
    title="a gateway's clock is an hour behind, or ahead",
    expected="the same decisions: time is Redis's",
    broken_once="",
    run=run,
)
