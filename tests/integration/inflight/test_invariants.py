"""Invariants 1-6 and 8-11 of admission, against a plain model: whatever happens, in whatever order."""

import asyncio
import itertools
import math
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from gateway.domain.case import TRANSITIONS, State
from gateway.domain.controls import Mode
from gateway.domain.tickets import Place
from gateway.inflight.admission import (
    Admission,
    Admitted,
    Closed,
    Decision,
    Full,
    IdempotencyConflict,
    Repeated,
    TicketInvalid,
    TicketMissed,
    TicketNotCalled,
    TooManyCandidates,
)
from gateway.inflight.confirmation import ConfirmOutcome, PhoneOutcome
from gateway.inflight.progress import (
    ParkedCase,
    ReadmitOutcome,
    StaleToken,
    TakenCase,
    advance,
    decided,
    finish,
    prove,
    readmit,
    take,
)
from gateway.inflight.status import look, tick
from gateway.inflight.store import Store, open_redis
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.line_model import Line, Ticket
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
LEASE_SECONDS, CODE_SECONDS, CANDIDATES, TRIES = 180, 600, 5, 5
IN_PROCESS = (State.ACCEPTED, State.VERIFYING, State.FORWARDING)
people = st.sampled_from("abcdef")
ibans = st.sampled_from(["own", "another"])
keys = st.sampled_from(["", "", "k1", "k2"])
# Far enough from every lease that the milliseconds of a real clock decide nothing.
jumps = st.sampled_from([100, 400, 700])


@dataclass
class Case:
    """What the model knows of one application; `end` is on the model's clock."""

    one: Admission
    person: str
    iban: str
    end: float
    state: State = State.AWAITING_PHONE
    code: str = ""
    wrong: int = 0
    proven: bool = False
    taken: list[TakenCase] = field(default_factory=list)


class Door(RuleBasedStateMachine):
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
        self.now = 0.0
        self.limit = 2
        self.lease_seconds, self.code_seconds = LEASE_SECONDS, CODE_SECONDS
        self.slots: dict[str, float] = {}
        self.winners: dict[str, Case] = {}
        self.by_key: dict[str, Case] = {}
        self.all: list[Case] = []
        self.accepted = 0
        self.numbers = itertools.count()
        self.line = Line()
        self.given: list[Ticket] = []
        self.credit = 0
        self.epoch = self.do(tick(self.store, PROGRAMME, self.limit, KEPT_MS)).epoch

    def do(self, call: Awaitable[T]) -> T:
        return self.loop.run_until_complete(call)

    # The model's own arithmetic, as plainly as it can be said.

    def live(self) -> int:
        return sum(end > self.now for end in self.slots.values())

    def alive(self, case: Case) -> bool:
        return case.state is State.AWAITING_PHONE and case.end > self.now

    def candidates(self, person: str) -> list[Case]:
        return [case for case in self.all if case.person == person and self.alive(case)]

    def limit_is_kept(self, before: int) -> None:
        assert self.live() <= max(self.limit, before)

    def expected(
        self, person: str, iban: str, key: str, ticket: Ticket | None
    ) -> tuple[type[Decision], Ticket | None]:
        """What admission must answer, and the ticket to wait with; the model's line moves as it must."""
        self.line.keep_house(self.now, self.live(), self.limit)
        if key in self.by_key:
            first = self.by_key[key]
            is_same = (first.person, first.iban) == (person, iban)
            return (Repeated if is_same else IdempotencyConflict), None
        known = self.candidates(person)
        if len(known) >= CANDIDATES:
            return TooManyCandidates, None
        if person in self.winners:
            known.append(self.winners[person])
        takes_nothing = self.slots.get(person, -1) > self.now or person in self.winners
        place = ticket or self.line.places.get((person, iban))
        if place is not None:
            worth = self.line.claim(place, self.live(), self.limit, takes_nothing=takes_nothing)
            answer = self.after_claim((person, iban), worth, place, ticket)
            if answer is not None:
                return answer
        spoken_for = self.line.reserved(0) + self.line.reserved(1)
        free = (
            self.line.mode is Mode.OPEN
            and not self.line.is_moving()
            and self.live() + spoken_for < self.limit
        )
        if free or (takes_nothing and any(case.iban == iban for case in known)):
            return Admitted, None
        if not self.line.mode.gives_tickets:
            return Closed, None
        new = self.line.mint((person, iban), 0, again=False)
        self.line.places[person, iban] = new
        return Full, new

    def after_claim(
        self, who: tuple[str, str], worth: str | Ticket, place: Ticket, ticket: Ticket | None
    ) -> tuple[type[Decision], Ticket | None] | None:
        if not self.line.mode.gives_tickets and (isinstance(worth, Ticket) or worth == "early"):
            return Closed, None
        if isinstance(worth, Ticket):
            self.line.places[who] = worth
            return Full, worth
        if worth == "closed":
            return Closed, None
        if worth == "early":
            if ticket is None:
                self.line.places[who] = place
            return (TicketNotCalled, None) if ticket else (Full, place)
        if self.line.places.get(who) is place:
            del self.line.places[who]
        if worth == "slot":
            return Admitted, None
        # Whoever came without the ticket is a newcomer when the place found is worth nothing any more.
        refusal: type[Decision] = TicketInvalid if worth == "invalid" else TicketMissed
        return (refusal, None) if ticket else None

    # What may happen.

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

    def after_code(  # noqa: PLR0911 - One line for each thing that a code can meet.
        self, case: Case, *, right: bool
    ) -> ConfirmOutcome:
        if case.state is not State.AWAITING_PHONE:
            return ConfirmOutcome.ACCEPTED if right else ConfirmOutcome.WRONG_STATE
        if case.end <= self.now:
            return ConfirmOutcome.EXPIRED
        if case.wrong >= TRIES:
            return ConfirmOutcome.LOCKED
        if not right:
            return ConfirmOutcome.WRONG_CODE
        if case.person in self.winners:
            winner = self.winners[case.person]
            # No two cases of the model have the same phone.
            in_doubt = winner.state in {State.ACCEPTED, State.VERIFYING} and not winner.proven
            return ConfirmOutcome.IN_DOUBT if in_doubt else ConfirmOutcome.ALREADY_APPLIED
        if self.slots.get(case.person, -1) <= self.now and self.live() >= self.limit:
            return ConfirmOutcome.FULL
        return ConfirmOutcome.ACCEPTED

    @rule(case=accepted_cases)
    def a_worker_takes_it(self, case: Case) -> None:
        taken = self.do(take(self.store, PROGRAMME, case.one.id))
        assert (taken is not None) == (case.state in IN_PROCESS)
        if taken is not None:
            assert all(taken.fence > before.fence for before in case.taken)
            assert taken.proven is case.proven
            case.taken.append(taken)

    @rule(case=accepted_cases, newest=st.booleans(), data=st.data())
    def a_worker_goes_on(self, case: Case, newest: bool, data: st.DataObject) -> None:  # noqa: FBT001 - As above.
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

    @rule(case=accepted_cases, newest=st.booleans())
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

    def freed(self, case: Case) -> None:
        """Forwarded, or parked with its own phone, it stays the person's one; else another may be."""
        del self.slots[case.person]
        if case.state is State.REFUSED or (case.state is State.PARKED and not case.proven):
            del self.winners[case.person]
            ends = [one.end for one in self.candidates(case.person)]
            if ends:
                self.slots[case.person] = max(ends)
        if self.line.is_moving():
            self.credit = min(self.credit + 1, 100)
            self.line.keep_house(self.now, self.live(), self.limit)

    async def move(self, case: Case, fence: int, goes_to: State) -> None:
        if goes_to in IN_PROCESS:
            await advance(self.store, PROGRAMME, case.one.id, fence, (case.state, goes_to))
        else:
            in_doubt = goes_to is State.PARKED and not case.proven
            await finish(self.store, PROGRAMME, case.one.id, fence, goes_to, KEPT_MS, in_doubt=in_doubt)

    @rule(case=accepted_cases)
    def a_slot_comes_free(self, case: Case) -> None:
        if case.state in IN_PROCESS:
            self.a_worker_takes_it(case)
            self.do(self.move(case, case.taken[-1].fence, State.PARKED))
            case.state = State.PARKED
            self.freed(case)

    @rule(case=accepted_cases, upheld=st.booleans())
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

    @rule(case=consumes(accepted_cases))
    def a_forwarded_case_is_denied(self, case: Case) -> None:
        if case.state is not State.FORWARDED:
            return
        self.do(decided(self.store, PROGRAMME, case.one.id, case.one.person, denied=True))
        self.winners.pop(case.person)

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

    @rule()
    def few_have_come_today(self) -> None:
        self.do(self.store.redis.hset(DOOR, mapping={"came": 0, "called": 400}))  # type: ignore[arg-type]  # As above.
        self.line.came, self.line.called = 0, 400

    @rule(limit=st.integers(0, 4))
    def the_limit_changes(self, limit: int) -> None:
        self.do(self.store.redis.hset(DOOR, "limit", str(limit)))  # type: ignore[arg-type]  # As above.
        self.limit = limit

    @rule(milliseconds=st.sampled_from([-3_600_000, 3_600_000]))
    def the_machines_clock_steps(self, milliseconds: int) -> None:
        self.do(self.store.redis.hincrby(DOOR, "raw", milliseconds))  # type: ignore[arg-type]  # As above.

    @rule()
    def the_library_is_lost(self) -> None:
        self.do(self.store.redis.execute_command("FUNCTION", "FLUSH", "SYNC"))

    @rule(seldom=st.integers(0, 3))
    def valkey_is_killed(self, seldom: int) -> None:
        # A restart takes longer than a hundred other steps.
        if not seldom:
            self.valkey.restart()

    # What must hold.

    @invariant()
    def slots_are_as_the_model_counts_them(self) -> None:
        svc = self.do(self.store.redis.hget(DOOR, "svc"))  # type: ignore[arg-type]  # As above.
        live = self.do(self.store.redis.zcount(f"{{{PROGRAMME}}}:slots", f"({int(svc or 0)}", "+inf"))
        assert live == self.live()

    @invariant()
    def the_line_is_as_the_model_has_it(self) -> None:
        names = ["m0", "c0", "f0", "m1", "c1", "f1", "came", "called"]
        seen = self.do(self.store.redis.hmget(DOOR, names))  # type: ignore[arg-type]  # As above.
        assert [int(one) for one in seen] == [*self.line.figures(), self.line.came, self.line.called]

    @invariant()
    def every_admitted_case_is_readable_and_where_it_should_be(self) -> None:
        for case in self.all:
            sight = self.do(look(self.store, PROGRAMME, case.one.id))
            assert sight is not None
            waits = case.state is State.AWAITING_PHONE
            assert sight.state is case.state or (
                waits and not self.alive(case) and sight.state is State.LAPSED
            )
            steps = [step.state for step in sight.history]
            assert all(after in TRANSITIONS[before] for before, after in itertools.pairwise(steps))

    @invariant()
    def every_accepted_case_is_in_exactly_one_state(self) -> None:
        counted = self.do(self.store.redis.hget(DOOR, "accepted"))  # type: ignore[arg-type]  # As above.
        active = self.do(self.store.redis.zrange(f"{{{PROGRAMME}}}:active", 0, -1))
        assert int(counted or 0) == self.accepted
        assert {one.decode() for one in active} == {
            case.one.id for case in self.all if case.state in IN_PROCESS
        }
        assert self.accepted == sum(case.state is not State.AWAITING_PHONE for case in self.all)

    def finish_all(self) -> None:
        for case in self.all:
            self.a_slot_comes_free(case)

    def teardown(self) -> None:
        """Once everything is over, everybody who waits is called in turn, and every slot is free again."""
        try:
            self.the_limit_changes(4)
            for _ in range(3 * len(self.given) + 3):
                self.time_passes(10_000)
                self.finish_all()
                self.a_gateway_ticks()
                for ticket in [one for one in self.given if one.called and not one.closed and not one.spent]:
                    self.apply(*ticket.who, "", ticket)
            assert not self.line.is_moving()
            self.time_passes(10_000)
            self.finish_all()
            self.a_gateway_ticks()
            assert self.live() == 0
            decisions = [self.do(apply(self.store, application(f"new {n}"), 4)) for n in range(5)]
            assert [type(one) for one in decisions] == [Admitted] * 4 + [Full]
        finally:
            self.do(self.store.redis.aclose())
            self.loop.close()


@pytest.mark.timeout(300)
def test_the_door_keeps_its_promises_whatever_happens(valkey: ValkeyProcess) -> None:
    run_state_machine_as_test(
        lambda: Door(valkey),  # type: ignore[arg-type]  # A factory does as well as the class.
        settings=settings(
            max_examples=30,
            stateful_step_count=60,
            print_blob=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
