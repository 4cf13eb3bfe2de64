"""The door against its model, to the end: whatever happens to it, and what must hold all the while."""

import itertools

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from gateway.domain.case import TRANSITIONS, State
from gateway.inflight.admission import Admitted, Full
from gateway.inflight.status import look
from tests.integration.inflight.machines.applicants import DOOR
from tests.integration.inflight.machines.door_model import IN_PROCESS
from tests.integration.inflight.machines.workers import Workers
from tests.integration.inflight.people import PROGRAMME, application, apply


class Door(Workers):
    """Limits, clocks and servers change under it, and in the end everybody has been called."""

    @rule()
    def few_have_come_today(self) -> None:
        self.do(self.store.redis.hset(DOOR, mapping={"came": 0, "called": 400}))  # type: ignore[arg-type]  # redis-py types one method for sync and async.
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
