"""Do the books agree? What was accepted, what the journal holds, what is at E-Maket."""

from collections.abc import Mapping

import aiohttp
import msgspec

from gateway.domain.case import DECIDED, State
from gateway.inflight.status import tally
from workers.tools import Tools

_PAGE = 1_000


class Effect(msgspec.Struct, frozen=True):
    """One application in E-Maket's own list, and how often it took effect there."""

    application_id: str
    number: str
    effects: int


class Books(msgspec.Struct, frozen=True):
    """Counts of the three books, and what does not agree. Empty lists and a zero: they agree."""

    accepted: int
    registered: int
    in_process_unregistered: int
    states: dict[str, int]
    forwarded: int
    at_e_maket: int
    unaccounted: int
    missing_at_e_maket: list[str]
    unknown_here: list[str]
    effects_not_one: list[str]
    slots_without_case: int

    def agree(self) -> bool:
        return not (
            self.unaccounted
            or self.missing_at_e_maket
            or self.unknown_here
            or self.effects_not_one
            or self.slots_without_case
        )


async def fetch_effects(session: aiohttp.ClientSession, e_maket_url: str) -> list[Effect]:
    """E-Maket's list; raises aiohttp.ClientError."""
    async with session.get(f"{e_maket_url}/applications", allow_redirects=False) as response:
        response.raise_for_status()
        return msgspec.json.decode(await response.read(), type=list[Effect])


async def reconcile(tools: Tools, effects: list[Effect]) -> Books:
    """Compare; meant for a system at rest, for cases on the way show up as differences."""
    programme = tools.programme.code
    tallied = await tally(tools.store, programme)
    states = await tools.journal.states(programme)
    here = await _forwarded_here(tools)
    there = {
        one.application_id: one.effects for one in effects if one.application_id.startswith(f"{programme}-")
    }
    registered = sum(states.values())
    return Books(
        accepted=tallied.accepted,
        registered=registered,
        in_process_unregistered=tallied.unregistered,
        states={state.value: count for state, count in sorted(states.items())},
        forwarded=_forwarded_count(states),
        at_e_maket=len(there),
        unaccounted=tallied.accepted - registered - tallied.unregistered,
        missing_at_e_maket=sorted(here - there.keys()),
        unknown_here=sorted(there.keys() - here),
        effects_not_one=sorted(one for one, count in there.items() if count != 1),
        slots_without_case=tallied.confirmed_slots - tallied.active,
    )


def _forwarded_count(states: Mapping[State, int]) -> int:
    return sum(states.get(state, 0) for state in {State.FORWARDED} | DECIDED)


async def _forwarded_here(tools: Tools) -> set[str]:
    here: set[str] = set()
    after = ""
    while page := await tools.journal.forwarded_ids(tools.programme.code, after, _PAGE):
        here.update(page)
        after = page[-1]
    return here
