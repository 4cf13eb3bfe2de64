"""The inlet: whoever comes, is called or goes, no second lets in more than it may."""

from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from gateway.domain.tickets import Place
from gateway.inflight.admission import Admission, Admitted, Decision, Full, TicketNotCalled, admit
from gateway.inflight.status import Summary, tick
from gateway.inflight.waiting import RoomRules
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.machines.told_clocks import LEASE_MS, SLOTS, ToldClocks, events
from tests.integration.inflight.people import (
    KEPT_MS,
    PROGRAMME,
    admission_rules,
    application,
    enter,
    free_slot,
    phone,
    with_ticket,
)

T = TypeVar("T")

spans = st.sampled_from([0, 0, 1, 400, 999, 1000, 25_000])


class Inlet(ToldClocks):
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
