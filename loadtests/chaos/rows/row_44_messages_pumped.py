"""Row 44: somebody lives on messages that are sent: to a block, from many addresses, to a phone, all over."""

import asyncio
from collections import Counter
from http import HTTPStatus
from pathlib import Path

import aiohttp

from loadtests.chaos.applicants import PROGRAMME
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import service
from loadtests.chaos.swindlers import Entered, Swindler
from loadtests.people import address, form
from loadtests.surge.programmes import write_programme

_NUMBERS, _AT_ONCE = 1_000, 20
# As the programme's file has them, save for the three that would take longer than a row.
_DOUBT, _TRICKLE, _PHONE = 50, 5, 5
_ADDRESS, _DAY = 150, 400
_LIMITS = {
    "code_address": {"count": _ADDRESS, "window_seconds": 3_600},
    "codes_per_day": _DAY,
    "conversion": {"codes": _DOUBT, "trickle": _TRICKLE},
}
_ADDRESSES, _HONEST = 10, 30
_PAUSE_SECONDS = 0.2
_PUMP = "198.51.100.7"


async def run(folder: Path) -> Measured:
    write_programme(folder / "programmes", {"limits": _LIMITS})
    env = {"QABYLDAU_PROGRAMMES_DIR": str(folder / "programmes")}
    async with service(folder, env) as stack, aiohttp.ClientSession() as session:
        attack = _Attack(Swindler(session, stack))
        block = [f"+7701000{n % 10_000:04}" for n in range(_NUMBERS)]
        one_address = await attack.pump([(phone, _PUMP) for phone in block])
        many = [(phone, f"203.0.113.{n % _ADDRESSES}") for n, phone in enumerate(block[: 20 * _ADDRESSES])]
        many_addresses = await attack.pump(many)
        honest = await attack.serve([f"+7701000{9_000 + n}" for n in range(_HONEST)])
        one_phone = await attack.pump([("+77019999999", f"192.0.2.{n}") for n in range(20)])
        all_over = [f"+7702{n:03}0000" for n in range(2 * _ADDRESS)]
        one_by_one = await attack.pump([(phone, "198.51.100.8") for phone in all_over])
        rest = [(f"+7705{n:03}0000", f"192.0.2.{n % 250}") for n in range(_DAY)]
        await attack.pump(rest)
        async with stack.redis() as redis:
            counted = int((await redis.hgetall(f"{{{PROGRAMME}}}:codes"))["sent"])  # type: ignore[misc]  # Typed for sync and async.
    seen = (one_address, many_addresses, honest, one_phone, one_by_one, attack.sent, counted)
    promised = (_DOUBT, _TRICKLE * _ADDRESSES, _HONEST, _PHONE, _ADDRESS, _DAY, _DAY)
    return Measured(
        verdict=Verdict.HELD if seen == promised else Verdict.BROKEN,
        says=f"Messages sent, of those asked for: {one_address} of {_NUMBERS} to one block from one address; "
        f"{many_addresses} of {len(many)} more to it from {_ADDRESSES} addresses; "
        f"{one_phone} of 20 to one phone; "
        f"{one_by_one} of {len(all_over)} to as many blocks from one address; in all {counted} that day. "
        f"Of {_HONEST} honest people in the block {honest} got their code and were accepted meanwhile. "
        f"Refusals: {', '.join(f'{name} {n}' for name, n in attack.refused.items())}.",
    )


class _Attack:
    def __init__(self, swindler: Swindler) -> None:
        self.swindler, self.sent, self.people = swindler, 0, 0
        self.refused = Counter[str]()

    async def pump(self, calls: list[tuple[str, str]]) -> int:
        """Ask for a code for each (phone, address), and enter none; return how many were sent."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(phone: str, origin: str) -> bool:
            async with gate:
                return await self._ask(phone, origin) is not None

        sent = sum(await asyncio.gather(*(one(*call) for call in calls)))
        self.sent += sent
        return sent

    async def serve(self, phones: list[str]) -> int:
        """People behind one carrier's address, one after the other; return how many were accepted."""
        accepted = 0
        for phone in phones:
            call = await self._ask(phone, "100.64.0.1")
            self.sent += call is not None
            if call:
                status, _ = await self.swindler.confirm(call, phone, "100.64.0.1")
                accepted += status == HTTPStatus.OK
        return accepted

    async def _ask(self, phone: str, origin: str) -> Entered | None:
        self.people += 1
        # The form is sent from anywhere: what is to be seen here is what codes are bounded by.
        n = self.people
        while (entered := await self.swindler.enter(form(n), address(n))) is None:  # noqa: ASYNC110 - Asked anew.
            # There are slots for all: a busy machine sheds for a moment.
            await asyncio.sleep(_PAUSE_SECONDS)
        status, given = await self.swindler.give_phone(entered, phone, origin)
        if status == HTTPStatus.ACCEPTED:
            return entered
        self.refused[str(given.get("code"))] += 1
        return None


ROW = Row(
    number=44,
    title="1 000 codes asked for, to one block, from one address, to one phone, all over",
    expected="SMS ≤ cap; they stop when hardly any comes back, and honest people of that block get theirs",
    broken_once="With nobody refused for codes that never come back, an address had 150 sent, not 50.",
    run=run,
)
