"""What an operator changes: all of it or nothing, at once, and over what any file says."""

import asyncio
from typing import Any

import pytest

from gateway.domain.controls import Mode, OutOfRange, UnknownControl, Value, controls_of
from gateway.inflight.steering import (
    Controls,
    ControlsChanged,
    MessageMissing,
    NotServed,
    change_controls,
    read_controls,
)
from gateway.inflight.store import Store
from tests.integration.inflight.people import FILE, MESSAGES, PROGRAMME, serve, steer


async def controls(store: Store) -> Controls:
    return await read_controls(store, FILE)


async def test_what_was_never_set_is_as_the_file_has_it(door: Store) -> None:
    found = await controls(door)

    assert found.values == {name: one.default for name, one in controls_of(FILE).items()}
    assert (found.version, found.overridden) == (0, frozenset())


async def test_a_change_returns_what_was_and_is_in_force(door: Store) -> None:
    changes: dict[str, Value] = {
        "limit": 18_000,
        "calls_per_second": 40,
        "address_shadow": True,
        "mode": "line_for_all",
    }

    old = await steer(door, **changes)

    assert old == {"limit": 25_000, "calls_per_second": 1_000, "address_shadow": False, "mode": "open"}
    found = await controls(door)
    assert {name: found.values[name] for name in changes} == changes
    assert (found.version, found.overridden) == (1, frozenset(changes))


async def test_whoever_was_slower_changes_nothing_at_all(door: Store) -> None:
    await steer(door, limit=18_000)
    before = await controls(door)

    with pytest.raises(ControlsChanged) as slower:
        await change_controls(door, FILE, {"inlet_per_second": 5, "limit": 30_000}, {"limit": 25_000})

    assert slower.value.current == {"inlet_per_second": 0, "limit": 18_000}
    assert await controls(door) == before


async def test_of_many_who_expect_the_same_one_is_first(door: Store) -> None:
    racers = [change_controls(door, FILE, {"limit": n}, {"limit": 25_000}) for n in range(1, 21)]

    outcomes = await asyncio.gather(*racers, return_exceptions=True)

    assert sum(one == {"limit": 25_000} for one in outcomes) == 1
    assert sum(isinstance(one, ControlsChanged) for one in outcomes) == 19
    assert (await controls(door)).version == 1


async def test_the_file_is_gone_back_to(door: Store) -> None:
    changes: dict[str, Value] = {
        "limit": 18_000,
        "mode": "line_for_all",
        "claim_window_seconds": 60,
        "category_contractor_open": False,
    }
    await steer(door, **changes)

    assert await steer(door, **dict.fromkeys(changes)) == changes

    found = await controls(door)
    assert found.values == {name: one.default for name, one in controls_of(FILE).items()}
    assert found.overridden == frozenset()


async def test_a_call_that_is_sent_again_takes_effect_once(door: Store) -> None:
    items = ["limit", "25000", "=25000", "=18000"]

    replies = [await door.call("change_controls", PROGRAMME, items, call="the same") for _ in range(2)]

    assert replies == [[0, b"25000"]] * 2
    assert (await controls(door)).version == 1


async def test_nothing_is_changed_before_a_gateway_has_served(store: Store) -> None:
    with pytest.raises(NotServed):
        await steer(store, limit=1)
    with pytest.raises(NotServed):
        await controls(store)


async def test_what_is_out_of_range_or_unknown_never_reaches_redis(door: Store) -> None:
    with pytest.raises(OutOfRange):
        await steer(door, limit=-1)
    with pytest.raises(UnknownControl):
        await steer(door, speed=1)
    assert (await controls(door)).version == 0


@pytest.mark.parametrize("mode", ["hold", "drain", "closed"])
async def test_nobody_is_kept_out_without_being_told_why(door: Store, mode: str) -> None:
    with pytest.raises(MessageMissing):
        await steer(door, mode=mode)
    with pytest.raises(MessageMissing):
        await steer(door, mode=mode, **(MESSAGES | {"message_ru": "  "}))

    await steer(door, mode=mode, **MESSAGES)

    with pytest.raises(MessageMissing):
        await steer(door, message_kk=None)
    await steer(door, mode="open", message_kk=None)
    with pytest.raises(MessageMissing):
        await steer(door, mode=mode)


async def test_a_tick_tells_every_process_what_is_set(door: Store) -> None:
    await steer(door, mode="drain", limit=7, **MESSAGES)

    summary = await serve(door)

    assert (summary.mode, summary.limit) == (Mode.DRAIN, 7)
    assert summary.controls == MESSAGES | {"version": "1"}


async def test_controls_outlive_a_crash(door: Store, valkey: Any) -> None:
    await steer(door, limit=7, calls_per_second=3)
    valkey.restart()

    assert (await controls(door)).values["calls_per_second"] == 3
    assert (await serve(door)).limit == 7
