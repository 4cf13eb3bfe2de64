"""The inlet, to the millisecond: so many a second, and the others wait their turn."""

from gateway.inflight.admission import Admitted, Full, TicketNotCalled
from gateway.inflight.store import Store
from tests.integration.inflight.people import application, with_ticket
from tests.integration.inflight.stopped_clock import SECOND_MS, knock, later, newcomers, refresh, set_clock


async def test_the_inlet_lets_so_many_in_a_second_and_calls_the_others_in_the_next(store: Store) -> None:
    await refresh(store, 3)
    await set_clock(store, "svc", 10**12)

    people = newcomers(10)
    decisions = await knock(store, *people)
    called = []
    for _ in range(3):
        await later(store, SECOND_MS, "svc")
        called.append((await refresh(store, 3)).line.called)

    assert [type(one) for one in decisions[:3]] == [Admitted] * 3
    full = [one for one in decisions[3:] if isinstance(one, Full)]
    assert [(one.place.number, one.position) for one in full] == [(n, n) for n in range(1, 8)]
    assert called == [3, 6, 7]
    # In the last second one was called: two newcomers are left to it.
    assert [type(one) for one in await knock(store, *newcomers(4))] == [Admitted, Admitted, Full, Full]
    claims = [with_ticket(person, one.place) for person, one in zip(people[3:], full, strict=True)]
    assert {type(one) for one in await knock(store, *claims)} == {Admitted}


async def test_whoever_is_not_called_yet_waits_though_slots_are_free(store: Store) -> None:
    await refresh(store, 1)
    await set_clock(store, "svc", 10**12)
    people = newcomers(3)
    decisions = await knock(store, *people)

    await later(store, SECOND_MS, "svc")
    claims = [
        with_ticket(person, one.place)
        for person, one in zip(people, decisions, strict=True)
        if isinstance(one, Full)
    ]

    assert [type(one) for one in await knock(store, *claims)] == [Admitted, TicketNotCalled]
    # Nobody passes those who wait.
    assert [type(one) for one in await knock(store, *newcomers(1))] == [Full]


async def test_the_inlet_does_not_count_whoever_takes_nothing(store: Store) -> None:
    await refresh(store, 2)
    await set_clock(store, "svc", 10**12)

    decisions = await knock(store, *(application("a") for _ in range(5)), application("b"), application("c"))

    assert [type(one) for one in decisions] == [Admitted] * 6 + [Full]


async def test_without_an_inlet_as_many_come_as_there_are_slots(store: Store) -> None:
    await refresh(store, 1)
    await refresh(store, 0)

    assert {type(one) for one in await knock(store, *newcomers(100))} == {Admitted}
