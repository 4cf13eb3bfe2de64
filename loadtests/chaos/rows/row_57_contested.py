"""Row 57: with the IINs of two hundred people a stranger is there first, and the base is away for a while."""

import asyncio
import time
from collections import Counter
from http import HTTPStatus
from pathlib import Path

import aiohttp

from loadtests.chaos.applicants import apply_many, check_books, effects_in_e_maket
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import Stack, service
from loadtests.chaos.swindlers import Entered, Swindler
from loadtests.people import address, form

_PEOPLE, _AT_ONCE = 200, 20
# Numbers of a prefix that no applicant of the rows has.
_STRANGERS = [f"+7700{n * 9_973 % 10_000_000:07}" for n in range(_PEOPLE)]
_AWAY_SECONDS = 5.0


async def run(folder: Path) -> Measured:
    async with service(folder) as stack, aiohttp.ClientSession() as session:
        swindler = Swindler(session, stack)
        # Three of a stranger's persons are as many as a phone may confirm, so each has a phone of its own.
        await swindler.own(dict.fromkeys(_STRANGERS))
        fault = f"{stack.standins_url}/faults"
        await (await session.put(f"{fault}/mobile-citizens", json={"hang": True})).read()
        robbers = await _rob(swindler)
        began = time.monotonic()
        # The owners come while nobody can say whose a phone is: half of the time, and then it can.
        async with meanwhile(_come_back(session, fault)):
            ledger = await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE)
        losses = await check_books(stack, ledger)
        took_seconds = time.monotonic() - began
        states = await _ends(swindler, robbers)
        robbed = await _robbed(stack, robbers)
    held = len(robbers) == _PEOPLE == ledger.acknowledged and set(states) == {"refused"}
    return Measured(
        verdict=Verdict.HELD if held and not (robbed or losses.lost or losses.doubled) else Verdict.BROKEN,
        says=f"{len(robbers)} strangers confirmed first, with the IINs of {_PEOPLE} people; the base hung "
        f"for {_AWAY_SECONDS:.0f} s more. {robbed} of theirs reached E-Maket; they ended "
        f"{', '.join(f'{state} ({n})' for state, n in states.items())}. {losses.says}".strip(),
        acknowledged=ledger.acknowledged,
        lost=losses.lost,
        doubled=losses.doubled + robbed,
        seconds=took_seconds,
    )


async def _rob(swindler: Swindler) -> list[Entered]:
    """Each with the IIN of a person and a phone of another; return those who confirmed."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(n: int) -> Entered | None:
        async with gate:
            origin = address(_PEOPLE + n)
            # The account is the stranger's: that is what it is all for.
            entered = await swindler.enter(form(n) | {"iban": form(_PEOPLE + n)["iban"]}, origin)
            if entered is None:
                return None
            await swindler.give_phone(entered, _STRANGERS[n], origin)
            status, _ = await swindler.confirm(entered, _STRANGERS[n], origin)
            return entered if status == HTTPStatus.OK else None

    return [one for one in await asyncio.gather(*map(one, range(_PEOPLE))) if one]


async def _come_back(session: aiohttp.ClientSession, fault: str) -> None:
    await asyncio.sleep(_AWAY_SECONDS)
    await (await session.delete(fault)).read()


async def _ends(swindler: Swindler, robbers: list[Entered]) -> Counter[str]:
    """Wait until the sweep has refused them, and return where they are."""
    states = Counter[str]()

    async def all_refused() -> bool:
        states.clear()
        for robber in robbers:
            states[await swindler.state_of(robber)] += 1
        return set(states) == {"refused"}

    try:
        await until(all_refused, 240)
    except TimeoutError:
        return states
    return states


async def _robbed(stack: Stack, robbers: list[Entered]) -> int:
    effects = await effects_in_e_maket(stack)
    return sum(robber.id in effects for robber in robbers)


ROW = Row(
    number=57,
    title="200 strangers apply with others' IINs, and confirm first",
    expected="every owner gets through, no stranger does; the strangers' end refused",
    broken_once="BROKEN_ONCE_57",
    run=run,
)
