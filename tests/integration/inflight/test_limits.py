"""Limits of an address and a person, to the millisecond: the clock stands still between two calls."""

from collections.abc import Callable

import pytest

from gateway.inflight.admission import (
    Admission,
    Admitted,
    Full,
    IdempotencyConflict,
    OverLimit,
    Repeated,
    admit,
)
from gateway.inflight.store import Store
from tests.integration.inflight.people import PROGRAMME, admission_rules, application, with_ticket
from tests.integration.inflight.stopped_clock import (
    DOOR,
    SECOND_MS,
    THREE,
    knock,
    later,
    refresh,
    serial,
    set_clock,
)

NEW: dict[str, Callable[[str], Admission]] = {
    "address": lambda who: application(f"person {next(serial)}", address=who),
    "person": lambda who: application(who, address=f"address {next(serial)}"),
}
both = pytest.mark.parametrize("name", NEW)


@both
@pytest.mark.parametrize(
    ("count", "window_ms"),
    [(1, 1000), (3, 10_000), (6, 1000), (15, 1000), (60, 7000), (299, 10_000), (300, 10_000)],
)
async def test_exactly_so_many_come_at_once_and_then_one_each_interval(
    store: Store, name: str, count: int, window_ms: int
) -> None:
    limit = {f"{name}_limit": f"{count}:{window_ms}:0"}
    interval_ms = -(-window_ms // count)

    at_once = await knock(store, *(NEW[name]("one") for _ in range(count)), **limit)
    [over] = await knock(store, NEW[name]("one"), **limit)
    await later(store, interval_ms - 1)
    [early] = await knock(store, NEW[name]("one"), **limit)
    await later(store, 1)
    afterwards = await knock(store, NEW[name]("one"), NEW[name]("one"), **limit)

    assert {type(one) for one in at_once} == {Admitted}
    assert over == OverLimit(name, interval_ms)
    assert early == OverLimit(name, 1)
    assert [type(one) for one in afterwards] == [Admitted, OverLimit]


@both
async def test_whoever_keeps_to_the_rate_is_never_refused(store: Store, name: str) -> None:
    limit = {f"{name}_limit": THREE}
    await knock(store, *(NEW[name]("one") for _ in range(3)), **limit)

    for _ in range(10):
        await later(store, SECOND_MS)
        assert [type(one) for one in await knock(store, NEW[name]("one"), **limit)] == [Admitted]


@both
async def test_one_does_not_spend_what_another_has(store: Store, name: str) -> None:
    limit = {f"{name}_limit": "1:1000:0"}

    decisions = [await knock(store, NEW[name](who), **limit) for who in ("one", "two", "one", "three")]

    assert [type(one) for [one] in decisions] == [Admitted, Admitted, OverLimit, Admitted]


@both
async def test_hammering_makes_nobody_wait_longer(store: Store, name: str) -> None:
    limit = {f"{name}_limit": THREE}
    await knock(store, *(NEW[name]("one") for _ in range(3)), **limit)

    waits = []
    for _ in range(99):
        waits += await knock(store, NEW[name]("one"), **limit)
        await later(store, 10)
    await later(store, 10)

    assert waits == [OverLimit(name, SECOND_MS - 10 * at) for at in range(99)]
    assert [type(one) for one in await knock(store, NEW[name]("one"), **limit)] == [Admitted]


@both
async def test_what_is_owed_is_owed_over_the_turn_of_a_window(store: Store, name: str) -> None:
    limit = {f"{name}_limit": THREE}
    await refresh(store, 0)
    # The last moment of a window, counted from the beginning of time.
    await set_clock(store, "run", 10**9 * 3000 - 1)
    await knock(store, *(NEW[name]("one") for _ in range(3)), **limit)

    heard = []
    for milliseconds in (1, 998, 1, 1999, 1):
        await later(store, milliseconds)
        heard += await knock(store, NEW[name]("one"), NEW[name]("one"), **limit)

    waits = [one.retry_after_ms if isinstance(one, OverLimit) else 0 for one in heard]
    assert waits == [999, 999, 1, 1, 0, 1000, 0, 1, 0, 1000]


async def test_whom_one_limit_refuses_spends_nothing_of_the_other(store: Store) -> None:
    limits = {"address_limit": "2:1000:0", "person_limit": "1:1000:0"}
    await knock(store, application("a", address="home"), **limits)
    hammered = await knock(store, *(application("a", address="home") for _ in range(9)), **limits)
    [last] = await knock(store, application("b", address="home"), **limits)
    over = await knock(store, *(application("c", address="home") for _ in range(9)), **limits)
    [elsewhere] = await knock(store, application("c", address="office"), **limits)

    assert set(hammered) == {OverLimit("person", 1000)}
    assert set(over) == {OverLimit("address", 500)}
    assert [type(last), type(elsewhere)] == [Admitted, Admitted]


@both
async def test_a_limit_in_shadow_counts_whom_it_would_refuse_and_refuses_nobody(
    store: Store, name: str
) -> None:
    shadow = {f"{name}_limit": "3:3000:1"}

    decisions = [await knock(store, NEW[name]("one"), **shadow) for _ in range(8)]
    [enforced] = await knock(store, NEW[name]("one"), **{f"{name}_limit": THREE})

    assert {type(decision) for [decision] in decisions} == {Admitted}
    assert await store.redis.hget(DOOR, f"shadow_{name}") == b"5"  # type: ignore[misc]  # redis-py types one method for sync and async.
    # Those five have left no debt.
    assert enforced == OverLimit(name, SECOND_MS)


async def test_a_repeat_is_answered_though_the_persons_limit_is_used_up_and_counts_for_its_address(
    store: Store,
) -> None:
    limits = {"address_limit": "4:4000:0", "person_limit": "1:60000:0"}
    first = application("a", key="k")
    await knock(store, first, **limits)

    repeated = await knock(store, *(application("a", key="k") for _ in range(2)), **limits)
    conflict = await knock(store, application("b", key="k"), **limits)
    over = await knock(store, application("a", key="k"), **limits)
    elsewhere = await knock(store, application("b", address="office"), **limits)

    assert [type(one) for one in repeated] == [Repeated, Repeated]
    assert conflict == [IdempotencyConflict()]
    assert over == [OverLimit("address", SECOND_MS)]
    # The conflict has asked nothing of the person whose data it brought.
    assert [type(one) for one in elsewhere] == [Admitted]


async def test_a_call_that_is_sent_again_is_answered_though_its_limits_are_used_up(store: Store) -> None:
    limits = {"address_limit": "1:1000:0", "person_limit": "1:1000:0"}
    one = application("a")
    first = await knock(store, one, **limits)

    again = [await knock(store, one, **limits) for _ in range(3)]
    other = await knock(store, application("b"), **limits)

    assert again == [first] * 3
    assert other == [OverLimit("address", SECOND_MS)]


async def test_those_of_one_address_in_one_batch_are_counted_one_after_the_other(store: Store) -> None:
    batch = [application(f"p{n}", address=["home", "office"][n % 3 == 2]) for n in range(9)]

    decisions = await knock(store, *batch, address_limit=THREE)

    refused = [at for at, one in enumerate(decisions) if one == OverLimit("address", SECOND_MS)]
    assert refused == [4, 6, 7]
    assert all(isinstance(one, Admitted) for at, one in enumerate(decisions) if at not in refused)


async def test_in_a_batch_the_called_spend_what_is_left_before_newcomers(store: Store) -> None:
    [full] = await admit(store, PROGRAMME, admission_rules(0), [application("a", address="office")])
    assert isinstance(full, Full)
    await store.redis.hset(DOOR, "limit", "2")  # type: ignore[misc]  # As above.

    called = with_ticket(application("a"), full.place)
    decisions = await knock(store, application("b"), called, address_limit="1:1000:0")

    assert [type(one) for one in decisions] == [OverLimit, Admitted]
