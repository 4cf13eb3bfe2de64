"""Codes against a plain model: however they are sent and entered, wrong ones count, and one case wins."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, rule

from gateway.domain.case import State
from gateway.inflight.admission import Admission, Admitted, admit
from gateway.inflight.confirmation import ConfirmAnswer, ConfirmOutcome, PhoneAnswer, PhoneOutcome
from gateway.inflight.status import look
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.machines.told_clocks import DAY_MS, LEASE_MS, SLOTS, TRIES, ToldClocks, events
from tests.integration.inflight.people import (
    ALMATY_MS,
    PROGRAMME,
    UNLIMITED,
    admission_rules,
    application,
    enter,
    phone,
)


@dataclass(eq=False)
class Case:
    one: Admission
    person: str
    end_ms: int
    number: str = ""
    codes: list[str] = field(default_factory=list)
    wrong: int = 0
    is_accepted: bool = False


# The newest, the first, or most often one that was never sent.
codes = st.lists(st.sampled_from([-1, 0, *[None] * 8]), min_size=1, max_size=5)


class Codes(ToldClocks):
    cases = Bundle("cases")

    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__(valkey)
        # Midnight in Almaty of a day long after this test.
        self.wall_ms = 50_000 * DAY_MS - ALMATY_MS
        self.set(wall=self.wall_ms)
        self.wrong = Counter[tuple[str, str, int]]()
        self.winners: dict[str, Case] = {}
        self.all: list[Case] = []

    def locked_ms(self, case: Case, number: str) -> int:
        """How long no code counts: until midnight, or as long as the last code would have; 0: it counts."""
        if self.wrong[case.person, number, self.wall_ms] >= TRIES:
            return DAY_MS
        return case.end_ms - self.service_ms if case.wrong >= TRIES else 0

    def tries_left(self, case: Case) -> int:
        return TRIES - max(case.wrong, self.wrong[case.person, case.number, self.wall_ms])

    @initialize(target=cases, persons=st.lists(st.sampled_from("ab"), min_size=2, max_size=4))
    def some_apply(self, persons: list[str]) -> object:
        self.all = [Case(application(person), person, self.service_ms + LEASE_MS) for person in persons]
        rules = admission_rules(SLOTS, lease_before_phone_ms=LEASE_MS, candidates=SLOTS)
        self.before_call()
        decisions = self.do(admit(self.store, PROGRAMME, rules, [case.one for case in self.all]))
        assert {type(one) for one in decisions} == {Admitted}
        return multiple(*self.all)

    @rule(case=cases, number=st.sampled_from(["70100001", "70100002"]), event=events)
    def a_code_is_sent(self, case: Case, number: str, event: str) -> None:
        code = f"code {next(self.serial)}"
        rules = {"lease_after_code_ms": LEASE_MS, "resend_ms": 0, "changes": SLOTS}
        self.before_call(event)
        answer = self.do(phone(self.store, case.one, number, code, phone_limit=UNLIMITED, **rules))
        if case.is_accepted:
            assert answer.outcome is PhoneOutcome.WRONG_STATE
        elif self.locked_ms(case, number):
            assert answer == PhoneAnswer(PhoneOutcome.LOCKED, self.locked_ms(case, number))
        else:
            case.number, case.end_ms = number, self.service_ms + LEASE_MS
            case.codes.append(code)
            assert answer == PhoneAnswer(PhoneOutcome.SENT, self.tries_left(case))

    def expected(self, case: Case, code: str) -> ConfirmAnswer:
        is_right = case.codes[-1:] == [code]
        if case.is_accepted:
            return ConfirmAnswer(ConfirmOutcome.ACCEPTED if is_right else ConfirmOutcome.WRONG_STATE)
        if not case.codes:
            return ConfirmAnswer(ConfirmOutcome.WRONG_STATE)
        if self.locked_ms(case, case.number):
            return ConfirmAnswer(ConfirmOutcome.LOCKED, self.locked_ms(case, case.number))
        if not is_right:
            case.wrong += 1
            self.wrong[case.person, case.number, self.wall_ms] += 1
            return ConfirmAnswer(ConfirmOutcome.WRONG_CODE, self.tries_left(case))
        if case.person in self.winners:
            return ConfirmAnswer(ConfirmOutcome.ALREADY_APPLIED)
        case.is_accepted, self.winners[case.person] = True, case
        return ConfirmAnswer(ConfirmOutcome.ACCEPTED)

    def enter(self, case: Case, code: str) -> Awaitable[ConfirmAnswer]:
        return enter(self.store, case.one, code, limit_seed=SLOTS, persons_per_phone=SLOTS)

    @rule(case=cases, sent=codes, days=st.sampled_from([0, 0, 0, 1]), event=events)
    def codes_are_entered(self, case: Case, sent: list[int | None], days: int, event: str) -> None:
        self.wall_ms += days * DAY_MS
        self.set(wall=self.wall_ms)
        for which in sent:
            code = "never sent" if which is None or not case.codes else case.codes[which]
            self.before_call(event)
            event = ""
            assert self.do(self.enter(case, code)) == self.expected(case, code)

    @rule(case=cases, is_newest=st.sampled_from([True, False, False]))
    def a_code_is_entered_by_many_at_once(self, case: Case, is_newest: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name.
        async def enter_all(code: str) -> list[ConfirmAnswer]:
            return await asyncio.gather(*(self.enter(case, code) for _ in range(4)))

        code = case.codes[-1] if is_newest and case.codes else "never sent"
        self.before_call()
        answers = self.do(enter_all(code))
        assert Counter(one.outcome for one in answers) == Counter(
            self.expected(case, code).outcome for _ in answers
        )
        # Between these calls the clocks did move.
        self.move(0)

    @invariant()
    def no_pair_has_more_wrong_codes_in_a_day_than_it_may(self) -> None:
        assert all(count <= TRIES for count in self.wrong.values())

    @invariant()
    def only_the_accepted_are_counted_and_queued(self) -> None:
        assert self.get("accepted") == [len(self.winners)]
        assert self.do(self.store.redis.zcard(f"{{{PROGRAMME}}}:cases")) == len(self.winners)

    def teardown(self) -> None:
        try:
            for case in self.all:
                sight = self.do(look(self.store, PROGRAMME, case.one.id))
                assert sight is not None
                assert [step.state for step in sight.history].count(State.ACCEPTED) == case.is_accepted
        finally:
            super().teardown()
