"""The same promises of the door and of its limits while operators steer both, against the same models."""

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from gateway.domain.controls import Mode, Value, controls_of
from gateway.inflight.status import Summary, tick
from gateway.inflight.steering import ControlsChanged, change_controls, read_controls
from gateway.inflight.waiting import RoomRules
from supervisor.valkey import ValkeyProcess
from tests.integration.inflight.machines.applicants import jumps, people
from tests.integration.inflight.machines.door import Door
from tests.integration.inflight.machines.door_model import Case
from tests.integration.inflight.machines.inlet import Inlet
from tests.integration.inflight.machines.limits import LIMITS, NAMES, Limit, Limits
from tests.integration.inflight.machines.told_clocks import SLOTS
from tests.integration.inflight.people import FILE, KEPT_MS, MESSAGES, PROGRAMME, steer

PAUSES = [Mode.HOLD, Mode.DRAIN, Mode.CLOSED]
DEFAULTS = {name: control.default for name, control in controls_of(FILE).items()}


class SteeredDoor(Door):
    """Whoever waits, is called or is in loses nothing by a change, and all who wait are called in the end."""

    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__(valkey)
        self.version = 0
        # The file of the door in the tests has other slots than that of the programme.
        self.in_force: dict[str, Value] = DEFAULTS | {"limit": self.limit}

    def change(self, changes: Mapping[str, Value]) -> None:
        old = self.do(steer(self.store, **changes))
        assert old == {name: self.in_force[name] for name in changes}
        self.in_force |= changes
        self.version += 1

    @rule(mode=st.sampled_from(Mode))
    def the_mode_changes(self, mode: Mode) -> None:
        self.change({"mode": mode.value, **MESSAGES})
        self.line.turn(mode, self.now)

    # Far enough from any sum of the jumps, as all that ends in these machines.
    @rule(windows=st.sampled_from([(20, 120), (50, 120), (20, 250), (50, 250)]))
    def the_windows_change(self, windows: tuple[int, int]) -> None:
        line, front_row = windows
        self.change({"claim_window_seconds": line, "front_row_window_seconds": front_row})
        self.line.hold_seconds = line + 1, front_row + 1
        # They hold for whoever is called after the next tick.
        self.a_gateway_ticks()

    @rule(leases=st.sampled_from([(180, 600), (550, 600), (180, 900), (550, 900)]))
    def the_leases_change(self, leases: tuple[int, int]) -> None:
        self.lease_seconds, self.code_seconds = leases
        names = ("lease_before_phone_seconds", "lease_after_code_seconds")
        self.change(dict(zip(names, leases, strict=True)))

    @rule(limit=st.integers(0, 4))
    def the_limit_changes(self, limit: int) -> None:
        self.change({"limit": limit})
        self.limit = limit

    @rule(
        target=Door.cases,
        people=st.lists(people, min_size=1, max_size=4),
        mode=st.sampled_from(PAUSES),
        seconds=jumps,
        comes=st.booleans(),
    )
    def the_called_meet_a_pause(self, people: list[str], mode: Mode, seconds: int, comes: bool) -> object:  # noqa: FBT001 - Hypothesis passes it by name.
        """A walk would seldom call somebody, pause, let time pass and go on."""
        self.the_limit_changes(0)
        entered = [self.apply(person, "own", "", None) for person in people]
        self.the_limit_changes(4)
        self.a_gateway_ticks()
        called = [one for one in self.given if one.called and not one.closed and not one.spent]
        self.the_mode_changes(mode)
        self.time_passes(seconds)
        self.a_gateway_ticks()
        coming = called if comes else []
        entered += [self.apply(*ticket.who, "", ticket) for ticket in coming]
        self.the_mode_changes(Mode.OPEN)
        self.a_gateway_ticks()
        entered += [self.apply(*ticket.who, "", ticket) for ticket in called]
        return multiple(*(case for case in entered if isinstance(case, Case)))

    @rule(limit=st.integers(0, 4), mode=st.sampled_from(Mode), seen=st.integers(0, 4))
    def an_operator_acts_on_what_was_seen(self, limit: int, mode: Mode, seen: int) -> None:
        changes: dict[str, Value] = {"mode": mode.value, "limit": limit, **MESSAGES}
        call = change_controls(self.store, FILE, changes, {"limit": seen})
        if seen != self.limit:
            with pytest.raises(ControlsChanged):
                self.do(call)
            return
        self.do(call)
        self.in_force |= changes
        self.version += 1
        self.limit = limit
        self.line.turn(mode, self.now)

    @invariant()
    def what_is_in_force_is_what_was_set_last(self) -> None:
        controls = self.do(read_controls(self.store, FILE))
        assert (controls.version, controls.values) == (self.version, self.in_force)

    def teardown(self) -> None:
        self.the_windows_change((20, 120))
        self.the_leases_change((180, 600))
        self.the_mode_changes(Mode.OPEN)
        super().teardown()


class SteeredLimits(Limits):
    """What an operator sets counts, whatever the callers' files say."""

    def __init__(self, valkey: ValkeyProcess) -> None:
        super().__init__(valkey)
        self.steered: set[str] = set()

    def text(self, name: str) -> str:
        # Codes for lost receipts are limited as those to a phone are.
        control = "phone" if name == "request" else name
        return "1:1000:0" if control in self.steered else super().text(name)

    @rule(
        name=st.sampled_from(["address", "person", "phone", "block"]),
        limit=st.sampled_from(LIMITS),
        shadow=st.booleans(),
    )
    def an_operator_sets_a_limit(self, name: str, limit: Limit, shadow: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name.
        values: dict[str, Value] = {
            f"{name}_count": limit.count,
            f"{name}_window_seconds": limit.window_ms // 1000,
            f"{name}_shadow": shadow,
        }
        self.before_call()
        self.do(steer(self.store, **values))
        self.steered.add(name)
        for one in (name, "request") if name == "phone" else (name,):
            self.limits[one] = limit
            self.shadows = self.shadows | {one} if shadow else self.shadows - {one}

    @rule(name=st.sampled_from(NAMES), limit=st.sampled_from(LIMITS), turns=st.booleans())
    def a_limit_changes(self, name: str, limit: Limit, turns: bool) -> None:  # noqa: FBT001 - As above.
        control = "phone" if name == "request" else name
        if control not in self.steered:
            super().a_limit_changes(name=name, limit=limit, turns=turns)

    @rule(name=st.sampled_from(["address", "person", "phone", "block"]), limit=st.sampled_from(LIMITS))
    def an_operator_goes_back_to_the_file(self, name: str, limit: Limit) -> None:
        self.do(
            steer(self.store, **dict.fromkeys([f"{name}_count", f"{name}_window_seconds", f"{name}_shadow"]))
        )
        self.steered.discard(name)
        self.limits[name] = limit


class SteeredInlet(Inlet):
    is_steered = False

    def refresh(self, event: str = "") -> Summary:
        # Once it is steered, the file may say what it likes.
        inlet = 1_000 if self.is_steered else self.inlet
        room = RoomRules(20_000, 120_000, calls_per_second=1_000, inlet_per_second=inlet)
        return self.watch(tick(self.store, PROGRAMME, SLOTS, KEPT_MS, room), event)

    @rule(inlet=st.integers(1, 4))
    def an_operator_sets_the_inlet(self, inlet: int) -> None:
        """In a second of its own, for what was let in before was let in by another."""
        self.move(1000)
        self.do(steer(self.store, inlet_per_second=inlet))
        self.is_steered, self.inlet = True, inlet
        # It holds for whoever is called after the next tick.
        self.refresh()

    @invariant()
    def no_second_lets_in_more_than_the_inlet(self) -> None:
        assert self.let_in[self.service_ms // 1000] <= self.inlet


@pytest.mark.timeout(600)
@pytest.mark.parametrize("machine", [SteeredDoor, SteeredLimits, SteeredInlet])
def test_a_promise_holds_whoever_steers(valkey: ValkeyProcess, machine: type[RuleBasedStateMachine]) -> None:
    run_state_machine_as_test(
        lambda: machine(valkey),  # type: ignore[call-arg, arg-type]  # A factory does as well as the class.
        settings=settings(
            max_examples=20,
            stateful_step_count=50,
            print_blob=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
