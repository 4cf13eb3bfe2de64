"""The door against its model, further on: what workers do with those who were accepted."""

import math

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import consumes, rule

from gateway.domain.case import TRANSITIONS, State
from gateway.inflight.progress import (
    ParkedCase,
    ReadmitOutcome,
    StaleToken,
    advance,
    decided,
    finish,
    prove,
    readmit,
    take,
)
from gateway.inflight.status import look
from tests.integration.inflight.machines.applicants import Applicants
from tests.integration.inflight.machines.door_model import IN_PROCESS, Case
from tests.integration.inflight.people import KEPT_MS, PROGRAMME


class Workers(Applicants):
    """What becomes of the accepted: taken by workers, ended, and back again."""

    @rule(case=Applicants.accepted_cases)
    def a_worker_takes_it(self, case: Case) -> None:
        taken = self.do(take(self.store, PROGRAMME, case.one.id))
        assert (taken is not None) == (case.state in IN_PROCESS)
        if taken is not None:
            assert all(taken.fence > before.fence for before in case.taken)
            assert taken.proven is case.proven
            case.taken.append(taken)

    @rule(case=Applicants.accepted_cases, newest=st.booleans(), data=st.data())
    def a_worker_goes_on(self, case: Case, newest: bool, data: st.DataObject) -> None:  # noqa: FBT001 - Hypothesis passes it by name.
        if case.state not in IN_PROCESS:
            return
        for _ in range(1 if newest else 2):
            self.a_worker_takes_it(case)
        held = case.taken[-1] if newest else case.taken[0]
        goes_to = data.draw(st.sampled_from(sorted(TRANSITIONS[case.state])))
        if held.fence != case.taken[-1].fence:
            with pytest.raises(StaleToken):
                self.do(self.move(case, held.fence, goes_to))
            return
        for _ in range(data.draw(st.integers(1, 2))):
            self.do(self.move(case, held.fence, goes_to))
        case.state = goes_to
        if goes_to not in IN_PROCESS:
            self.freed(case)

    @rule(case=Applicants.accepted_cases, newest=st.booleans())
    def a_phone_turns_out_to_be_the_persons(self, case: Case, newest: bool) -> None:  # noqa: FBT001 - As above.
        if case.state not in {State.ACCEPTED, State.VERIFYING}:
            return
        for _ in range(1 if newest else 2):
            self.a_worker_takes_it(case)
        held = case.taken[-1] if newest else case.taken[0]
        if held.fence == case.taken[-1].fence:
            self.do(prove(self.store, PROGRAMME, case.one.id, held.fence))
            case.proven = True
            return
        with pytest.raises(StaleToken):
            self.do(prove(self.store, PROGRAMME, case.one.id, held.fence))

    async def move(self, case: Case, fence: int, goes_to: State) -> None:
        if goes_to in IN_PROCESS:
            await advance(self.store, PROGRAMME, case.one.id, fence, (case.state, goes_to))
        else:
            in_doubt = goes_to is State.PARKED and not case.proven
            await finish(self.store, PROGRAMME, case.one.id, fence, goes_to, KEPT_MS, in_doubt=in_doubt)

    @rule(case=Applicants.accepted_cases)
    def a_slot_comes_free(self, case: Case) -> None:
        if case.state in IN_PROCESS:
            self.a_worker_takes_it(case)
            self.do(self.move(case, case.taken[-1].fence, State.PARKED))
            case.state = State.PARKED
            self.freed(case)

    @rule(case=Applicants.accepted_cases, upheld=st.booleans())
    def a_parked_case_comes_back(self, case: Case, upheld: bool) -> None:  # noqa: FBT001 - As above.
        if case.state is not State.PARKED:
            return
        last, sight = case.taken[-1], self.do(look(self.store, PROGRAMME, case.one.id))
        assert sight is not None
        parked = ParkedCase(
            id=case.one.id,
            person=last.person,
            receipt_hash=last.receipt_hash,
            body=b"body",
            sealed_phone=b"phone",
            phone_hash=last.phone_hash,
            number="42500-2026-0000001",
            history=sight.history,
            accepted_at_ms=last.accepted_at_ms,
            upheld=upheld,
        )
        outcome, _ = self.do(readmit(self.store, PROGRAMME, parked, self.limit))
        if self.winners.get(case.person, case) is not case:
            assert outcome is ReadmitOutcome.REPLACED
            return
        has_slot = self.slots.get(case.person, -1) > self.now
        room = has_slot or self.live() < self.limit
        if not has_slot and (self.line.is_moving() or self.line.reserved(0) + self.line.reserved(1)):
            room = room and self.credit >= 10
            self.credit -= 10 * room
        assert outcome is (ReadmitOutcome.IN if room else ReadmitOutcome.FULL)
        if room:
            case.state = State.ACCEPTED
            case.proven = case.proven or upheld
            self.slots[case.person] = math.inf
            self.winners[case.person] = case

    @rule(case=consumes(Applicants.accepted_cases))
    def a_forwarded_case_is_denied(self, case: Case) -> None:
        if case.state is not State.FORWARDED:
            return
        self.do(decided(self.store, PROGRAMME, case.one.id, case.one.person, denied=True))
        self.winners.pop(case.person)
