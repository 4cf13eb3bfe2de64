"""Limits against a plain model: whatever is asked for, in whatever order, no window has more than it may."""

import itertools
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from gateway.inflight.admission import Admission, Admitted, IdempotencyConflict, OverLimit, Repeated, admit
from gateway.inflight.confirmation import PhoneAnswer, PhoneOutcome
from gateway.inflight.receipts import AskAnswer, Asking, AskOutcome, ask_receipt
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.machines.told_clocks import LEASE_MS, SLOTS, TRIES, ToldClocks, events
from tests.integration.inflight.people import (
    PROGRAMME,
    admission_rules,
    application,
    confirmation_rules,
    keyed,
    phone,
)


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


class Limits(ToldClocks):
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
