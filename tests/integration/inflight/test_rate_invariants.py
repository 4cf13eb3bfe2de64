"""Invariants 7 and 12, and the inlet, against plain models: whatever is called, in whatever order."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from gateway.domain.case import State
from gateway.domain.tickets import Place
from gateway.inflight.admission import (
    Admission,
    Admitted,
    Decision,
    Full,
    IdempotencyConflict,
    OverLimit,
    Repeated,
    TicketNotCalled,
    admit,
)
from gateway.inflight.confirmation import ConfirmAnswer, ConfirmOutcome, PhoneAnswer, PhoneOutcome
from gateway.inflight.receipts import AskAnswer, Asking, AskOutcome, ask_receipt
from gateway.inflight.status import Summary, look, tick
from gateway.inflight.store import Store, open_redis
from gateway.inflight.waiting import RoomRules
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.people import (
    ALMATY_MS,
    KEPT_MS,
    PROGRAMME,
    UNLIMITED,
    admission_rules,
    application,
    confirmation_rules,
    enter,
    free_slot,
    keyed,
    phone,
    with_ticket,
)

T = TypeVar("T")

DOOR = f"{{{PROGRAMME}}}:door"
# Nothing is full and nothing lapses here: that is for other tests.
SLOTS, LEASE_MS = 1_000_000, 10**12
DAY_MS = 86_400_000
# What the door takes for the machine's time of its last call, since which the machine's clock seems to have
# stepped back, or ahead. The longest gap is the most by which that moves the clocks of the door.
BEHIND_MS, AHEAD_MS, LONGEST_GAP_MS = 9 * 10**15, 0, 3000
TRIES = 5
# A restart takes longer than a hundred calls.
events = st.sampled_from(
    [""] * 30 + ["the clock steps ahead"] * 6 + ["the library is lost"] * 3 + ["valkey is killed"]
)


class Door(RuleBasedStateMachine):
    """Its clocks move only as told: each call finds the machine's clock behind, unless that stepped ahead.

    What disturbs is drawn beside what is done: as rules of their own disturbances would fill most examples.
    """

    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__()
        self.valkey = valkey
        if not valkey.is_running():
            valkey.start()
        with Redis.from_url(valkey.url) as client:
            client.flushall()
        self.loop = asyncio.new_event_loop()
        self.store = Store(open_redis(valkey.url, timeout_ms=5000))
        self.do(tick(self.store, PROGRAMME, SLOTS, KEPT_MS))
        self.serial = itertools.count()
        # A multiple of a second, as the seconds of the inlet are.
        self.now_ms = self.service_ms = self.get("svc")[0] // 1000 * 1000
        self.move(0)

    def do(self, call: Awaitable[T]) -> T:
        return self.loop.run_until_complete(call)

    def get(self, *names: str) -> list[int]:
        seen = self.do(self.store.redis.hmget(DOOR, list(names)))  # type: ignore[arg-type]  # redis-py types one method for sync and async.
        return [int(one or 0) for one in seen]

    def set(self, **values: int) -> None:
        self.do(self.store.redis.hset(DOOR, mapping=values))  # type: ignore[arg-type]  # As above.

    def move(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        self.service_ms += milliseconds
        self.set(run=self.now_ms, svc=self.service_ms)

    def before_call(self, event: str = "") -> None:
        """Let happen what happens between two calls, and know what the next one makes of it."""
        if event == "the library is lost":
            self.do(self.store.redis.execute_command("FUNCTION", "FLUSH", "SYNC"))
        elif event == "valkey is killed":
            self.valkey.restart()
        is_ahead = event == "the clock steps ahead"
        self.set(raw=AHEAD_MS if is_ahead else BEHIND_MS)
        self.now_ms += LONGEST_GAP_MS * is_ahead
        self.service_ms += LONGEST_GAP_MS * is_ahead

    @invariant()
    def the_clocks_are_as_told(self) -> None:
        assert self.get("run", "svc") == [self.now_ms, self.service_ms]

    def teardown(self) -> None:
        self.do(self.store.redis.aclose())
        self.loop.close()


@dataclass(frozen=True)
class Limit:
    count: int
    window_ms: int

    @property
    def interval_us(self) -> int:
        return -(-self.window_ms * 1000 // self.count)


@dataclass
class Rate:
    """What one key of a limit was granted, as plainly as the generic cell rate algorithm can be said."""

    limit: Limit
    paid_until_us: int = 0
    granted_ms: list[int] = field(default_factory=list)

    def wait_ms(self, now_ms: int) -> int:
        ahead_us = max(self.paid_until_us - now_ms * 1000, 0) + self.limit.interval_us
        return max(-(-(ahead_us - self.limit.count * self.limit.interval_us) // 1000), 0)

    def grant(self, now_ms: int) -> None:
        self.paid_until_us = max(self.paid_until_us, now_ms * 1000) + self.limit.interval_us
        self.granted_ms.append(now_ms)

    def check_windows(self) -> None:
        """In any window, whatever its length, never more than the burst and what the rate adds."""
        for first, last in itertools.combinations(range(len(self.granted_ms)), 2):
            beyond_burst = last - first + 1 - self.limit.count
            span_ms = self.granted_ms[last] - self.granted_ms[first]
            assert beyond_burst * self.limit.window_ms <= span_ms * self.limit.count


# Nothing expires by the machine's own clock, which runs on during a test.
LIMITS = [Limit(1, 600_000), Limit(2, 700_000), Limit(3, 2_000_000), Limit(7, 3_600_000)]
NAMES = ("address", "person", "phone", "block", "request")
who = st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(["", "", "k1", "k2"]))
jumps = st.sampled_from([0, 0, 0, 0, 1, 999, 300_000, 350_000, 514_286, 666_666, 666_667, 3_000_000])
# Two blocks of two numbers.
numbers = st.sampled_from(["70100001", "70100002", "70200001", "70200002"])


class Limits(Door):
    cases = Bundle("cases")

    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__(valkey)
        self.limits = dict.fromkeys(NAMES, LIMITS[1])
        self.rates: dict[tuple[str, str, Limit], Rate] = {}
        self.shadows: set[str] = set()
        self.shadowed = Counter[str]()
        self.by_key: dict[str, tuple[str, Admission]] = {}

    def text(self, name: str) -> str:
        limit = self.limits[name]
        return f"{limit.count}:{limit.window_ms}:{int(name in self.shadows)}"

    def rate(self, name: str, key: str) -> Rate:
        """A limit that is changed begins anew: what is owed is kept window by window."""
        limit = self.limits[name]
        return self.rates.setdefault((name, key, limit), Rate(limit))

    def first_refusal(self, *asked: tuple[str, str]) -> tuple[str, int] | None:
        """The limit that says no and its wait; when none does, all of them count."""
        for name, key in asked:
            wait_ms = self.rate(name, key).wait_ms(self.now_ms)
            if wait_ms and name not in self.shadows:
                return name, wait_ms
        for name, key in asked:
            rate = self.rate(name, key)
            if rate.wait_ms(self.now_ms):
                self.shadowed[name] += 1
            else:
                rate.grant(self.now_ms)
        return None

    def expected(self, one: Admission, person: str, address: str, key: str) -> object:
        known, first = self.by_key.get(key, ("", one))
        asked = [("address", address)] if known else [("address", address), ("person", person)]
        refused = self.first_refusal(*asked)
        if refused:
            return OverLimit(*refused)
        if known:
            return (Repeated, first.id) if known == person else IdempotencyConflict()
        if key:
            self.by_key[key] = person, one
        return Admitted

    def admit(self, *batch: Admission) -> list[object]:
        rules = admission_rules(
            SLOTS,
            lease_before_phone_ms=LEASE_MS,
            candidates=SLOTS,
            address_limit=self.text("address"),
            person_limit=self.text("person"),
        )
        return list(self.do(admit(self.store, PROGRAMME, rules, batch)))

    @rule(target=cases, knocking=st.lists(who, min_size=1, max_size=5), after_ms=jumps, event=events)
    def some_knock_at_once(self, knocking: list[tuple[str, str, str]], after_ms: int, event: str) -> object:
        batch = [application(person, key=key, address=address) for person, address, key in knocking]
        self.move(after_ms)
        self.before_call(event)
        expected = [self.expected(one, *about) for one, about in zip(batch, knocking, strict=True)]
        decisions = self.admit(*batch)
        for decision, answer in zip(decisions, expected, strict=True):
            if isinstance(decision, Admitted):
                assert answer is Admitted
            elif isinstance(decision, Repeated):
                assert answer == (Repeated, decision.id)
            else:
                assert decision == answer
        return multiple(*(one for one, answer in zip(batch, expected, strict=True) if answer is Admitted))

    @rule(case=cases)
    def a_call_is_sent_again(self, case: Admission) -> None:
        self.before_call()
        assert [type(one) for one in self.admit(case)] == [Admitted]

    @rule(case=cases, numbers=st.lists(numbers, min_size=1, max_size=4), after_ms=jumps)
    def codes_are_asked_for(self, case: Admission, numbers: list[str], after_ms: int) -> None:
        limits = {"phone_limit": self.text("phone"), "block_limit": self.text("block")}
        rules = {"lease_after_code_ms": LEASE_MS, "resend_ms": 0, "changes": SLOTS}
        outcomes = {"phone": PhoneOutcome.TOO_MANY_CODES, "block": PhoneOutcome.TOO_MANY_NEARBY}
        self.move(after_ms)
        for number in numbers:
            code = f"code {next(self.serial)}"
            self.before_call()
            refused = self.first_refusal(("phone", number), ("block", number[:-4]))
            answer = self.do(phone(self.store, case, number, code, **limits, **rules))
            assert answer == (
                PhoneAnswer(outcomes[refused[0]], refused[1])
                if refused
                else PhoneAnswer(PhoneOutcome.SENT, TRIES)
            )

    @rule(about=who, event=events)
    def a_lost_receipt_is_asked_for(self, about: tuple[str, str, str], event: str) -> None:
        number, address, _ = about
        self.before_call(event)
        # Whoever asks for receipts spends what the address has, whatever is said of the receipt.
        refused = self.first_refusal(("address", address)) or self.first_refusal(("request", number))
        asking = Asking(
            keyed(number), keyed(address), self.text("address"), f"{next(self.serial)}", b"message"
        )
        rules = confirmation_rules(resend_ms=0, phone_limit=self.text("request"))
        answer = self.do(ask_receipt(self.store, PROGRAMME, rules, asking))
        outcomes = {"address": AskOutcome.TOO_MANY_FROM_ADDRESS, "request": AskOutcome.TOO_MANY_CODES}
        assert answer == (
            AskAnswer(outcomes[refused[0]], refused[1]) if refused else AskAnswer(AskOutcome.SENT, TRIES)
        )

    @rule(name=st.sampled_from(NAMES), limit=st.sampled_from(LIMITS), turns=st.booleans())
    def a_limit_changes(self, name: str, limit: Limit, turns: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name.
        """And goes into the shadow or out of it."""
        self.limits[name] = limit
        self.shadows ^= {name} if turns else set()

    @invariant()
    def no_window_has_more_than_its_limit(self) -> None:
        for rate in self.rates.values():
            rate.check_windows()

    def teardown(self) -> None:
        try:
            assert self.get(*(f"shadow_{name}" for name in NAMES)) == [self.shadowed[name] for name in NAMES]
            for key in self.do(self.store.redis.keys(f"{{{PROGRAMME}}}:rate:*")):
                assert self.do(self.store.redis.pttl(key)) > 0
        finally:
            super().teardown()


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


class Codes(Door):
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


spans = st.sampled_from([0, 0, 1, 400, 999, 1000, 25_000])


class Inlet(Door):
    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__(valkey)
        self.let_in = Counter[int]()
        self.inside: list[Admission] = []
        self.waiting: list[tuple[str, Place]] = []

    def watch(self, call: Awaitable[T], event: str = "") -> T:
        """Make a call, and count whom it calls in its second of the service clock."""
        self.before_call(event)
        before = sum(self.get("c0", "c1"))
        reply = self.do(call)
        self.let_in[self.service_ms // 1000] += sum(self.get("c0", "c1")) - before
        return reply

    def refresh(self, event: str = "") -> Summary:
        room = RoomRules(20_000, 120_000, calls_per_second=1000, inlet_per_second=self.inlet)
        return self.watch(tick(self.store, PROGRAMME, SLOTS, KEPT_MS, room), event)

    def knock(self, people: list[tuple[str, Place | None]], event: str) -> list[type[Decision]]:
        batch = [with_ticket(application(who), place) if place else application(who) for who, place in people]
        rules = admission_rules(SLOTS, lease_before_phone_ms=LEASE_MS)
        decisions = self.watch(admit(self.store, PROGRAMME, rules, batch), event)
        for (who, _), one, decision in zip(people, batch, decisions, strict=True):
            if isinstance(decision, Full):
                self.waiting.append((who, decision.place))
            elif isinstance(decision, Admitted):
                self.inside.append(one)
        return [type(decision) for decision in decisions]

    @initialize(inlet=st.integers(1, 4))
    def a_gateway_says_what_the_file_says(self, inlet: int) -> None:
        self.inlet = inlet
        self.refresh()

    @rule(count=st.integers(1, 6), after_ms=spans, event=events)
    def newcomers_come(self, count: int, after_ms: int, event: str) -> None:
        self.move(after_ms)
        decisions = self.knock([(f"person {next(self.serial)}", None) for _ in range(count)], event)
        assert set(decisions) <= {Admitted, Full}
        self.let_in[self.service_ms // 1000] += decisions.count(Admitted)

    @rule(count=st.integers(1, 6), after_ms=spans, event=events)
    def some_come_with_their_tickets(self, count: int, after_ms: int, event: str) -> None:
        self.move(after_ms)
        coming, self.waiting = self.waiting[:count], self.waiting[count:]
        decisions = self.knock(list(coming), event) if coming else []
        early = [one for one, answer in zip(coming, decisions, strict=True) if answer is TicketNotCalled]
        self.waiting = early + self.waiting

    @rule(after_ms=spans, event=events)
    def a_gateway_ticks(self, after_ms: int, event: str) -> None:
        self.move(after_ms)
        self.refresh(event)

    @rule()
    def a_slot_comes_free(self) -> None:
        if self.inside:
            one = self.inside.pop()
            self.watch(phone(self.store, one, one.id, "code", lease_after_code_ms=LEASE_MS))
            self.watch(enter(self.store, one, "code", limit_seed=SLOTS))
            self.watch(free_slot(self.store, one))

    @rule(limit=st.sampled_from([0, 2, 5, SLOTS]))
    def the_limit_changes(self, limit: int) -> None:
        self.set(limit=limit)

    @invariant()
    def no_second_lets_in_more_than_the_inlet(self) -> None:
        assert all(count <= self.inlet for count in self.let_in.values())

    def teardown(self) -> None:
        """With slots for everybody all who wait are called, as fast as the inlet allows."""
        try:
            self.set(limit=SLOTS)
            waiting = self.refresh().waiting
            for _ in range(5):
                self.move(1000)
                waiting, before = self.refresh().waiting, waiting
                assert waiting == max(before - self.inlet, 0)
        finally:
            super().teardown()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("machine", [Limits, Codes, Inlet])
def test_a_limit_holds_whatever_happens(valkey: ValkeyProcess, machine: type[Door]) -> None:
    run_state_machine_as_test(
        lambda: machine(valkey),  # type: ignore[arg-type]  # A factory does as well as the class.
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            print_blob=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
