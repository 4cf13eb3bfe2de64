from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gateway.domain.case import State, new_application_id
from gateway.register.entries import Entry, NewEntry, RegisterError, Step, Verdict
from gateway.register.journal import Journal
from tests.integration.register.applicants import new_entry

Call = Callable[[], Awaitable[Any]]

FIRST_STEP_MS = 10
STEPS = (State.VERIFYING, State.FORWARDING, State.FORWARDED, State.REFUSED)
# Letting in again and what leads to it come more often: it is where a late repeat could do harm.
VERBS = ("register", "record", "park", "park", "unpark", "unpark", "decide", "mark_notified", "erase")

# Which verb, about which of the applications, with which token, state or decision.
TURNS = st.tuples(
    st.sampled_from(VERBS), st.integers(0, 1), st.integers(1, 3), st.sampled_from(STEPS), st.booleans()
)


class World:
    """Two applications of a programme of their own, and every call so far that changed something."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.programme = new_application_id("x")[2:18]
        self.newcomers: list[NewEntry] = [new_entry(self.programme) for _ in range(2)]
        self.effective: list[Call] = []
        self.now_ms = FIRST_STEP_MS

    async def call(self, verb: str, which: int, fence: int, state: State, yes: bool) -> Call:  # noqa: FBT001
        self.now_ms += 1
        newcomer = replace(self.newcomers[which], fence=fence)
        application_id, journal, now_ms = newcomer.application_id, self.journal, self.now_ms
        entry = await journal.get(application_id)
        decision: Verdict = State.ASSIGNED if yes else State.DENIED
        number = entry.number if entry else "none yet"
        calls: dict[str, Call] = {
            "register": lambda: journal.register(newcomer),
            "record": lambda: journal.record(application_id, [Step(state, now_ms)], fence),
            "park": lambda: journal.park(application_id, now_ms, fence, "no_answer", now_ms + 5),
            "unpark": lambda: journal.unpark(application_id, now_ms, fence),
            "decide": lambda: journal.decide(application_id, number, decision, now_ms, now_ms, None),
            "mark_notified": lambda: journal.mark_notified(application_id, now_ms),
            "erase": lambda: journal.erase_personal(self.programme, now_ms, 2),
        }
        return calls[verb]

    async def snapshot(self) -> tuple[list[Entry | None], dict[State, int]]:
        entries = [await self.journal.get(newcomer.application_id) for newcomer in self.newcomers]
        return entries, await self.journal.states(self.programme)


async def try_call(call: Call) -> None:
    try:
        await call()
    except RegisterError:
        return


# Shrinking would cost minutes at a database's speed; a dozen turns are readable as they are.
@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(turns=st.lists(st.tuples(TURNS, st.randoms(use_true_random=False)), max_size=12))
async def test_whatever_is_called_again_at_once_or_later_changes_nothing(
    journal: Journal, turns: list[Any]
) -> None:
    world = World(journal)
    await journal.register(world.newcomers[0])
    for turn, chance in turns:
        call = await world.call(*turn)
        before = await world.snapshot()
        await try_call(call)
        after = await world.snapshot()
        if after != before:
            world.effective.append(call)
        for again in (call, *chance.sample(world.effective, min(2, len(world.effective)))):
            await try_call(again)
        assert await world.snapshot() == after
