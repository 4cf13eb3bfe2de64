"""Row 29: tickets that were forged, edited, lent, used twice or let lapse; and keys that change meanwhile."""

import asyncio
import base64
import random
import secrets
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from gateway.domain.tickets import Place, Ticket, write_ticket
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT, Stack, service
from loadtests.people import address, form
from loadtests.surge.programmes import write_programme

_SLOTS, _WAITING, _FORGED = 10, 6, 2_000
_WINDOW_SECONDS = 3

Asked = tuple[int, str]
_INVALID: Asked = (HTTPStatus.UNPROCESSABLE_ENTITY, "ticket_invalid")


class Window:
    """Somebody at the counter: each call is answered with status, problem and what else was said."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession) -> None:
        self._stack, self._session = stack, session

    async def apply(self, n: int, ticket: str = "") -> tuple[Asked, dict[str, Any]]:
        headers = {"X-Forwarded-For": address(n), **({"Waiting-Ticket": ticket} if ticket else {})}
        url = f"{self._stack.url}/v1/programmes/42500/applications"
        return await self._ask("POST", url, json=form(n), headers=headers)

    async def poll(self, ticket: str) -> tuple[Asked, dict[str, Any]]:
        headers = {"Waiting-Ticket": ticket, "X-Forwarded-For": address(7)}
        return await self._ask("GET", f"{self._stack.url}/v1/waiting-room", headers=headers)

    async def until_state(self, ticket: str, state: str) -> None:
        async def is_so() -> bool:
            return (await self.poll(ticket))[1].get("state") == state

        await until(is_so)

    async def _ask(self, method: str, url: str, **what: Any) -> tuple[Asked, dict[str, Any]]:
        async with self._session.request(method, url, **what) as response:
            said = await response.json(content_type=None)
            return (response.status, said.get("code", "")), said


async def run(folder: Path) -> Measured:
    windows = {"claim_window_seconds": _WINDOW_SECONDS, "front_row_window_seconds": _WINDOW_SECONDS}
    write_programme(folder / "programmes", {"waiting_room": windows})
    env = {"QABYLDAU_LIMIT": f"{_SLOTS}", "QABYLDAU_PROGRAMMES_DIR": f"{folder / 'programmes'}"}
    async with service(folder, env) as stack, aiohttp.ClientSession() as session:
        window = Window(stack, session)
        for n in range(_SLOTS):
            await window.apply(n)
        tickets = [(await window.apply(_SLOTS + n))[1]["ticket"] for n in range(_WAITING)]
        forged = await _forge(window, tickets[0])
        lent, _ = await window.apply(_SLOTS + 1, tickets[0])
        await _rotate(stack, window)
        rotated, _ = await window.poll(tickets[0])
        used, extra = await _use_twice(stack, window, tickets[0])
        missed = await _let_lapse(stack, window, tickets[1])
    wrong = _FORGED - forged[_INVALID]
    is_lent, is_old = lent == _INVALID, rotated[0] == HTTPStatus.OK
    held = not wrong and is_lent and is_old and extra == 0 and missed[0] == HTTPStatus.GONE
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"Of {_FORGED} forged and edited tickets {wrong} were answered otherwise than with "
        f"ticket_invalid; another's: {_told(lent)}; used twice by its owner: {_told(used)}, {extra} slots "
        f"more; let lapse twice: {_told(missed)}; signed by the key before: {_told(rotated)}.",
        acknowledged=_FORGED,
        lost=0,
        doubled=wrong + extra,
    )


async def _forge(window: Window, ticket: str) -> Counter[Asked]:
    """Half of them polls, half submissions of the person whom the ticket names."""
    answers: Counter[Asked] = Counter()
    gate = asyncio.Semaphore(20)

    async def one(n: int, text: str) -> None:
        async with gate:
            # The owner's own form; few enough of one person not to be stopped by its limit.
            asked = window.apply(_SLOTS, text) if n % 100 == 0 else window.poll(text)
            answers[(await asked)[0]] += 1

    await asyncio.gather(*(one(n, _edit(ticket, n)) for n in range(_FORGED)))
    return answers


def _edit(ticket: str, n: int) -> str:
    chance = random.Random(n)  # noqa: S311 - the same forgeries in each run.
    programme, encoded = ticket.split(".")
    raw = bytearray(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    match n % 4:
        case 0:
            # Somewhere: version, flags, number, epoch, person or signature.
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        case 1:
            # The place before all others, signed by somebody else.
            place = Place(0, 1, again=False, epoch=chance.randrange(1 << 60))
            forged = Ticket(programme, place, bytes(raw[18:26]).hex())
            return write_ticket(forged, lambda _body, _for: bytes([1]) + secrets.token_bytes(16))
        case 2:
            return f"{programme}x.{encoded}"
        case _:
            del raw[-chance.randrange(1, 8) :]
    return f"{programme}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"


async def _rotate(stack: Stack, window: Window) -> None:
    """As docs/operations.md says: add, restart, activate, restart."""
    for words in (("keys", "add"), ("keys", "activate", "2")):
        command = [str(ROOT / "qabyldau"), *words, "--reason", "fault table"]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=stack.environ, stdout=asyncio.subprocess.DEVNULL
        )
        if await process.wait():
            raise RuntimeError(f"{' '.join(words)} failed")
        before = stack.pids("gateway")
        stack.kill("gateway")
        await stack.until_back("gateway", before)
    # The new process answers polls from its first figures on.
    await window.apply(0)


async def _use_twice(stack: Stack, window: Window, ticket: str) -> tuple[Asked, int]:
    """Return the second answer, and how many slots it took."""
    await stack.set_limit(_SLOTS + 1)
    await window.until_state(ticket, "called")
    first, _ = await window.apply(_SLOTS, ticket)
    if first[0] != HTTPStatus.ACCEPTED:
        raise RuntimeError(f"the called was answered {_told(first)}")
    before = await _slots(stack)
    second, _ = await window.apply(_SLOTS, ticket)
    return second, await _slots(stack) - before


async def _let_lapse(stack: Stack, window: Window, ticket: str) -> Asked:
    """Miss the call, come late, miss the front row's call, come late again."""
    await stack.set_limit(_SLOTS + 2)
    await window.until_state(ticket, "missed")
    # Somebody else has the slot by now.
    late, said = await window.apply(_SLOTS + 1, ticket)
    if late == (HTTPStatus.SERVICE_UNAVAILABLE, "full"):
        ticket = said["ticket"]
        await window.until_state(ticket, "missed")
        late, _ = await window.apply(_SLOTS + 1, ticket)
    return late


async def _slots(stack: Stack) -> int:
    async with stack.redis() as redis:
        return int(await redis.zcard("{42500}:slots"))


def _told(asked: Asked) -> str:
    return f"{asked[0]} {asked[1]}".strip()


ROW = Row(
    number=29,
    title="tickets forged, edited, lent, used twice, let lapse; key rotated",
    expected="refused; those of the key before are good",
    broken_once="With no signature checked 381 of 2 000 were answered otherwise than ticket_invalid.",
    run=run,
)
