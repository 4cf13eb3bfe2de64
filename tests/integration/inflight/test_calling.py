"""Whom a free slot calls, and how fast: the front row before the line, nobody out of turn."""

from gateway.inflight.admission import Admitted, Full, TicketMissed, TicketNotCalled
from gateway.inflight.status import tick
from gateway.inflight.store import Store
from gateway.inflight.waiting import RoomRules
from tests.integration.inflight.people import (
    KEPT_MS,
    PROGRAMME,
    accepted,
    application,
    apply,
    free_slot,
    with_ticket,
)
from tests.integration.inflight.waiting import DOOR, ROOM, come, pass_ms, queue, set_limit


async def test_the_called_come_in_any_order_and_nobody_else_passes(store: Store) -> None:
    holders = [await accepted(store, f"holder {n}", limit=2) for n in range(2)]
    places = [(await queue(store, name, 2))[1] for name in "abc"]
    for holder in holders:
        await free_slot(store, holder)

    assert isinstance(await come(store, "b", places[1], 2), Admitted)
    assert isinstance(await come(store, "c", places[2], 2), TicketNotCalled)
    assert isinstance(await come(store, "a", places[0], 2), Admitted)


async def test_the_front_row_is_called_before_the_line_and_a_second_miss_ends_it(store: Store) -> None:
    holder = await accepted(store, "holder", limit=1)
    places = [(await queue(store, name))[1] for name in "abc"]
    await free_slot(store, holder)
    await pass_ms(store, 21_500)
    in_turn = application("b")
    assert isinstance(await apply(store, with_ticket(in_turn, places[1]), 1), Admitted)
    late = await come(store, "a", places[0])
    assert isinstance(late, Full)

    summary = await pass_ms(store, 200_000)  # The lease of b lapses.
    assert (summary.front_row.called, summary.line.called) == (1, 2)
    await pass_ms(store, 122_000)

    assert isinstance(await come(store, "a", late.place), TicketMissed)
    assert isinstance(await come(store, "c", places[2]), Admitted)


async def test_a_lowered_limit_calls_nobody_and_sends_the_called_to_the_front_row(store: Store) -> None:
    holder = await accepted(store, "holder", limit=1)
    _, place = await queue(store, "a")
    await free_slot(store, holder)
    await set_limit(store, 0)

    sent = await come(store, "a", place)
    assert isinstance(sent, Full)
    assert (sent.place.lane, sent.place.again) == (1, True)

    await set_limit(store, 1)
    await pass_ms(store, 0)
    await pass_ms(store, 122_000)
    assert isinstance(await come(store, "a", sent.place), Admitted)


async def test_few_who_come_are_made_up_for_by_calling_more(store: Store) -> None:
    await store.redis.hset(DOOR, mapping={"came": 10, "called": 900})  # type: ignore[misc]  # redis-py types one method for sync and async.
    holder = await accepted(store, "holder", limit=1)
    for n in range(20):
        await queue(store, f"p{n}")

    await free_slot(store, holder)

    summary = await pass_ms(store, 0)
    assert 1 < summary.line.called <= 10
    assert isinstance(await apply(store, application("p3"), 1), Admitted)
    late = await apply(store, application("p4"), 1)
    assert isinstance(late, Full)
    assert late.place.lane == 1


async def test_those_called_within_a_second_share_a_window_that_no_call_makes_longer(store: Store) -> None:
    holders = [await accepted(store, f"holder {n}", number=f"{n}", limit=30) for n in range(30)]
    for n in range(30):
        await queue(store, f"p{n}", 30)
    for holder in holders:
        await free_slot(store, holder)

    summary = await pass_ms(store, 0)

    assert summary.line.called == 30
    assert len(summary.line.windows) <= 3
    assert all(end - summary.service_ms <= ROOM.claim_window_ms + 1000 for _, end in summary.line.windows)


async def test_calling_is_never_faster_than_the_room_allows(store: Store) -> None:
    slow = RoomRules(claim_window_ms=20_000, front_row_window_ms=120_000, calls_per_second=2)
    await set_limit(store, 0)
    for n in range(5):
        await queue(store, f"p{n}", 0)
    await tick(store, PROGRAMME, 0, KEPT_MS, slow)
    await set_limit(store, 5)
    called = []
    for _ in range(3):
        await store.redis.hincrby(DOOR, "svc", 1000)  # type: ignore[misc]  # As above.
        called.append((await tick(store, PROGRAMME, 5, KEPT_MS, slow)).line.called)

    assert called == [2, 4, 5]


async def test_a_newcomer_does_not_pass_those_who_wait_though_calling_is_slow(store: Store) -> None:
    slow = RoomRules(claim_window_ms=20_000, front_row_window_ms=120_000, calls_per_second=1)
    await set_limit(store, 0)
    for n in range(3):
        await queue(store, f"p{n}", 0)
    await tick(store, PROGRAMME, 0, KEPT_MS, slow)
    await set_limit(store, 10)

    assert isinstance(await apply(store, application("newcomer"), 10), Full)
