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

_UNTIMELY = "lease with another end"

Told = tuple[int, str, str]


async def run(folder: Path) -> Measured:
    library = next((one for one in _LIBRARIES if one.exists()), None)
    if library is None:
        return Measured(verdict=Verdict.NOT_RUN, says="libfaketime (package faketime) is not installed.")
    heard, let_in = [], []
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
            told, ids = await _hear(door)
        heard.append(told)
        let_in.append(len(ids))
    right = heard[0]
    differences = sum(one != other for wrong in heard[1:] for one, other in zip(right, wrong, strict=True))
    untimely = sum(essence == _UNTIMELY for told in heard for _, _, essence in told)
    held = not differences and not untimely and set(let_in) == {_SLOTS}
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{len(right)} answers each (forms, repeats with their key, looks at the line) from gateways "
        f"whose clocks were right, an hour behind and an hour ahead: {differences} differ; let in "
        f"{', '.join(map(str, let_in))}; {untimely} were told another end of their lease than Redis's clock "
        "has.",
        acknowledged=sum(let_in),
        lost=0,
        doubled=differences,
    )


async def _hear(door: Gateway) -> tuple[list[Told], set[str]]:
    """Ask one after the other, so that the same is asked in the same order everywhere.

    Return the answers, and the ids of those who were let in: a repeat brings no other.
    """
    url = f"{door.url}/v1/programmes/42500/applications"
    heard: list[Told] = []
    ids: set[str] = set()
    async with aiohttp.ClientSession() as session:
        for n in range(_PEOPLE):
            headers = {"X-Forwarded-For": address(n), "Idempotency-Key": f"clock-{n}"}
            for _ in range(2 if n % 10 == 0 else 1):
                async with session.post(url, json=form(n), headers=headers) as response:
                    said = await response.json()
                    heard.append((response.status, said.get("code", ""), _essence(said)))
                    if response.status == HTTPStatus.ACCEPTED:
                        ids.add(said["id"])
            if ticket := said.get("ticket"):
                poll = {"Waiting-Ticket": ticket}
                async with session.get(f"{door.url}/v1/waiting-room", headers=poll) as response:
                    heard.append((response.status, (await response.json())["state"], ""))
    return heard, ids


def _essence(said: dict[str, Any]) -> str:
    """What must be the same: the place in the line; that the lease ends when it should; no ids."""
    if "expires_at" in said:
        left = (datetime.fromisoformat(said["expires_at"]) - datetime.now(UTC)).total_seconds()
        return "" if abs(left - _LEASE_SECONDS) < _GRACE_SECONDS else _UNTIMELY
    return str(said.get("position", ""))


ROW = Row(
    number=25,
    title="a gateway's clock is an hour behind, or ahead",
    expected="the same decisions: time is Redis's",
    broken_once="With the end of a lease told by the gateway's own clock 1 800 of 3 240 answers differed.",
    run=run,
)
