"""The door against its model: people apply, wait, give phones and enter codes."""

import asyncio
import itertools
import math
from collections.abc import Awaitable
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, multiple, rule
from redis import Redis

from gateway.domain.case import State
from gateway.domain.tickets import Place
from gateway.inflight.admission import Admitted, Full, Repeated
from gateway.inflight.confirmation import ConfirmOutcome, PhoneOutcome
from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.line_model import Ticket
from tests.integration.inflight.machines.door_model import TRIES, Case, DoorModel
from tests.integration.inflight.people import (
    KEPT_MS,
    PROGRAMME,
    UNLIMITED,
    application,
    apply,
    enter,
    phone,
    with_ticket,
)

T = TypeVar("T")

DOOR = f"{{{PROGRAMME}}}:door"
people = st.sampled_from("abcdef")
ibans = st.sampled_from(["own", "another"])
keys = st.sampled_from(["", "", "k1", "k2"])
# Far enough from every lease that the milliseconds of a real clock decide nothing.
jumps = st.sampled_from([100, 400, 700])


class Applicants(DoorModel, RuleBasedStateMachine):
    """What people do at the real door, while time passes and gateways tick."""

    cases = Bundle("cases")
    waiting = Bundle("waiting")
    accepted_cases = Bundle("accepted_cases")

    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__()
        self.valkey = valkey
        if not valkey.is_running():
            valkey.start()
        with Redis.from_url(valkey.url) as client:
            client.flushall()
        self.loop = asyncio.new_event_loop()
        self.store = Store(open_redis(valkey.url, timeout_ms=5000))
        self.numbers = itertools.count()
        self.given: list[Ticket] = []
        self.epoch = self.do(tick(self.store, PROGRAMME, self.limit, KEPT_MS)).epoch

    def do(self, call: Awaitable[T]) -> T:
        return self.loop.run_until_complete(call)

    @rule(seconds=jumps)
    def time_passes(self, seconds: int) -> None:
        self.a_gateway_ticks()
        self.do(self.store.redis.hincrby(DOOR, "svc", seconds * 1000))  # type: ignore[arg-type]  # redis-py types one method for sync and async.
        self.now += seconds

    @rule()
    def a_gateway_ticks(self) -> None:
        self.do(tick(self.store, PROGRAMME, self.limit, KEPT_MS))
        self.line.keep_house(self.now, self.live(), self.limit)
        if self.line.is_moving() and self.line.mode.calls:
            # Nobody waits beside a free slot that is not spoken for.
            assert self.live() + self.line.reserved(0) + self.line.reserved(1) >= self.limit

    @rule(target=cases, person=people, iban=ibans, key=keys)
    def somebody_applies(self, person: str, iban: str, key: str) -> object:
        return self.apply(person, iban, key, None)

    @rule(target=cases, data=st.data(), iban=ibans)
    def somebody_comes_with_a_ticket(self, data: st.DataObject, iban: str) -> object:
        if not self.given:
            return multiple()
        ticket = data.draw(st.sampled_from(self.given))
        return self.apply(ticket.who[0], iban, "", ticket)

    @rule(target=cases, people=st.lists(people, min_size=1, max_size=3), seconds=st.sampled_from([100, 400]))
    def the_called_come_late(self, people: list[str], seconds: int) -> object:
        """Past their window, while others have come, and more than once: a walk would seldom do all of it."""
        entered = [self.apply(person, "own", "", None) for person in people]
        called = [one for one in self.given if one.called and not one.closed and not one.spent]
        self.time_passes(seconds)
        self.a_gateway_ticks()
        for ticket in called:
            entered += [self.apply(*ticket.who, "", ticket) for _ in range(2)]
        return multiple(*(case for case in entered if isinstance(case, Case)))

    def apply(self, person: str, iban: str, key: str, ticket: Ticket | None) -> object:
        before = self.live()
        expected, place = self.expected(person, iban, key, ticket)
        one = application(person, iban, key)
        if ticket is not None:
            one = with_ticket(one, Place(ticket.lane, ticket.number, ticket.again, self.epoch))
        decision = self.do(apply(self.store, one, self.limit))
        assert type(decision) is expected
        if isinstance(decision, Full):
            assert place is not None
            assert (decision.place.lane, decision.place.number) == (place.lane, place.number)
            assert decision.place.again == place.again
            if place not in self.given:
                self.given.append(place)
        if isinstance(decision, Repeated):
            assert decision.id == self.by_key[key].one.id
        if expected is not Admitted:
            return multiple()
        case = Case(one, person, iban, self.now + self.lease_seconds)
        if person not in self.winners or self.slots.get(person, -1) > self.now:
            self.slots[person] = max(self.slots.get(person, -1), case.end)
        self.all.append(case)
        if key:
            self.by_key[key] = case
        self.limit_is_kept(before)
        return case

    @rule(target=waiting, case=cases)
    def a_phone_is_given(self, case: Case) -> object:
        code = f"code {next(self.numbers)}"
        answer = self.do(phone(self.store, case.one, case.one.id, code, resend_ms=0, phone_limit=UNLIMITED))
        if not self.alive(case):
            assert answer.outcome is PhoneOutcome.WRONG_STATE
            return multiple()
        if case.wrong >= TRIES:
            assert answer.outcome is PhoneOutcome.LOCKED
            return multiple()
        assert answer.outcome is PhoneOutcome.SENT
        case.code, case.end = code, self.now + self.code_seconds
        if self.slots.get(case.person, -1) > self.now:
            self.slots[case.person] = max(self.slots[case.person], case.end)
        return case

    @rule(target=accepted_cases, person=people, iban=ibans)
    def somebody_goes_all_the_way(self, person: str, iban: str) -> object:
        """The usual way in one go, or else a walk of random steps would seldom come this far."""
        case = self.somebody_applies(person, iban, "")
        if not isinstance(case, Case) or self.a_phone_is_given(case) is not case:
            return multiple()
        return self.a_code_is_entered(case, right=True)

    @rule(target=accepted_cases, case=waiting, right=st.booleans())
    def a_code_is_entered(self, case: Case, right: bool) -> object:  # noqa: FBT001 - Hypothesis passes it by name.
        answer = self.do(
            enter(
                self.store,
                case.one,
                case.code if right else "wrong",
                limit_seed=self.limit,
                phones_checked=True,
            )
        )
        assert answer.outcome is self.after_code(case, right=right)
        if answer.outcome is ConfirmOutcome.WRONG_CODE:
            case.wrong += 1
            assert answer.figure == TRIES - case.wrong
        if answer.outcome is ConfirmOutcome.IN_DOUBT:
            case.end = self.now + self.code_seconds
        if answer.outcome is ConfirmOutcome.ACCEPTED and case.state is State.AWAITING_PHONE:
            case.state = State.ACCEPTED
            self.slots[case.person] = math.inf
            self.winners[case.person] = case
            self.accepted += 1
            return case
        return multiple()
