import asyncio
import random

import msgspec

from gateway.domain.case import State
from gateway.domain.tickets import Place
from gateway.inflight.admission import (
    Admission,
    Admitted,
    Decision,
    Full,
    TicketInvalid,
    TicketMissed,
    TicketNotCalled,
    admit,
)
from gateway.inflight.progress import finish, take
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store, open_redis
from gateway.inflight.waiting import RoomRules, Stand, bit_of, fetch_piece, stand
from tests.integration.inflight.people import (
    KEPT_MS,
    PROGRAMME,
    accepted,
    admission_rules,
    application,
    apply,
    keyed,
    live,
    with_ticket,
)

ROOM = RoomRules(claim_window_ms=20_000, front_row_window_ms=120_000, calls_per_second=1_000)
DOOR = f"{{{PROGRAMME}}}:door"


async def queue(store: Store, person: str, limit: int = 1) -> tuple[Admission, Place]:
    one = application(person)
    decision = await apply(store, one, limit)
    assert isinstance(decision, Full), decision
    return one, decision.place


async def come(store: Store, person: str, place: Place, limit: int = 1) -> Decision:
    return await apply(store, with_ticket(application(person), place), limit)


async def pass_ms(store: Store, ms: int) -> Summary:
    await tick(store, PROGRAMME, 1, KEPT_MS, ROOM)
    await store.redis.hincrby(DOOR, "svc", ms)  # type: ignore[misc]  # redis-py types one method for sync and async.
    return await tick(store, PROGRAMME, 1, KEPT_MS, ROOM)


async def set_limit(store: Store, limit: int) -> None:
    await store.redis.hset(DOOR, "limit", str(limit))  # type: ignore[misc]  # As above.


async def free_slot(store: Store, one: Admission) -> None:
    case = await take(store, PROGRAMME, one.id)
    assert case is not None
    await finish(store, PROGRAMME, one.id, case.fence, State.FORWARDED, KEPT_MS)


async def test_numbers_follow_the_order_of_arrival_and_a_batch_is_one_call(store: Store) -> None:
    await accepted(store, "holder", limit=1)

    decisions = await admit(store, PROGRAMME, admission_rules(1), [application(n) for n in "abc"])

    assert [one.place.number for one in decisions if isinstance(one, Full)] == [1, 2, 3]
    assert [one.position for one in decisions if isinstance(one, Full)] == [1, 2, 3]


async def test_the_same_person_finds_the_same_place_and_another_iban_another(store: Store) -> None:
    await accepted(store, "holder", limit=1)
    _, place = await queue(store, "a")

    assert (await queue(store, "a"))[1] == place
    stranger = await apply(store, application("a", iban="another"), 1)
    assert isinstance(stranger, Full)
    assert stranger.place.number == place.number + 1


async def test_a_freed_slot_calls_the_next_and_is_kept_for_them(store: Store) -> None:
    holder = await accepted(store, "holder", limit=1)
    _, place = await queue(store, "a")
    assert isinstance(await come(store, "a", place), TicketNotCalled)

    await free_slot(store, holder)

    assert isinstance(await apply(store, application("newcomer"), 1), Full)
    assert isinstance(await come(store, "a", place), Admitted)
    assert await live(store) == 1


async def test_somebody_who_lost_the_ticket_is_let_in_when_it_is_their_turn(store: Store) -> None:
    holder = await accepted(store, "holder", limit=1)
    await queue(store, "a")
    await free_slot(store, holder)

    assert isinstance(await apply(store, application("a"), 1), Admitted)


async def test_the_called_come_in_any_order_and_nobody_else_passes(store: Store) -> None:
    holders = [await accepted(store, f"holder {n}", limit=2) for n in range(2)]
    places = [(await queue(store, name, 2))[1] for name in "abc"]
    for holder in holders:
        await free_slot(store, holder)

    assert isinstance(await come(store, "b", places[1], 2), Admitted)
    assert isinstance(await come(store, "c", places[2], 2), TicketNotCalled)
    assert isinstance(await come(store, "a", places[0], 2), Admitted)


async def test_who_does_not_come_loses_the_slot_but_not_the_place(store: Store) -> None:
    holder = await accepted(store, "holder", limit=1)
    places = [(await queue(store, name))[1] for name in "ab"]
    await free_slot(store, holder)
    await pass_ms(store, 21_500)
    in_turn = await come(store, "b", places[1])
    assert isinstance(in_turn, Admitted)

    late = await come(store, "a", places[0])

    assert isinstance(late, Full)
    assert late.place.lane == 1
    assert isinstance(await come(store, "a", places[0]), Full)
    again = await come(store, "a", places[0])
    assert isinstance(again, Full)
    assert again.place == late.place


async def test_a_late_comer_gets_a_free_slot_at_once(store: Store) -> None:
    holder = await accepted(store, "holder", limit=1)
    _, place = await queue(store, "a")
    await free_slot(store, holder)
    await pass_ms(store, 21_500)

    assert isinstance(await come(store, "a", place), Admitted)


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


async def test_a_ticket_is_worth_one_slot(store: Store) -> None:
    holder = await accepted(store, "holder", limit=2)
    await accepted(store, "other", limit=2)
    _, place = await queue(store, "a", 2)
    await free_slot(store, holder)
    assert isinstance(await come(store, "a", place, 2), Admitted)

    await pass_ms(store, 200_000)

    assert isinstance(await come(store, "a", place, 2), TicketInvalid)


async def test_numbers_never_given_and_numbers_of_a_lost_line_are_invalid(store: Store) -> None:
    await accepted(store, "holder", limit=1)
    _, place = await queue(store, "a")

    unknown = msgspec.structs.replace(place, number=4_000_000_000)
    other_line = msgspec.structs.replace(place, epoch=place.epoch - 1)

    assert isinstance(await come(store, "a", unknown), TicketInvalid)
    assert isinstance(await come(store, "a", other_line), TicketInvalid)


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
    await store.redis.hset(DOOR, mapping={"came": 10, "called": 900})  # type: ignore[misc]  # As above.
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


async def test_where_a_place_stands_is_told_from_the_summary_alone(store: Store) -> None:
    holders = [await accepted(store, f"holder {n}", limit=2) for n in range(2)]
    places = [(await queue(store, name, 2))[1] for name in "abc"]
    for holder in holders:
        await free_slot(store, holder)
    await come(store, "a", places[0], 2)
    summary = await pass_ms(store, 0)

    standings = [stand(place, summary.line, summary.front_row) for place in places]

    assert [one and one.state for one in standings] == [Stand.CLAIMED, Stand.CALLED, Stand.WAITING]
    called, still_waiting = standings[1], standings[2]
    assert called is not None
    assert called.claim_before_ms is not None
    assert 0 < called.claim_before_ms - summary.service_ms <= 22_000
    assert still_waiting is not None
    assert still_waiting.position == 1
    after = await pass_ms(store, 22_000)
    assert stand(places[1], after.line, after.front_row) is None
    piece = await fetch_piece(store, PROGRAMME, 0, 0)
    assert [bit_of(piece, place.number) for place in places] == [True, False, False]


async def test_the_line_survives_a_crash_of_valkey(store: Store, valkey: object) -> None:
    holder = await accepted(store, "holder", limit=1)
    _, place = await queue(store, "a")
    valkey.restart()  # type: ignore[attr-defined]  # The fixture's own class.

    await free_slot(store, holder)

    assert isinstance(await come(store, "a", place), Admitted)


async def test_many_processes_race_for_the_last_slots_and_nobody_is_let_in_twice(redis_url: str) -> None:
    stores = [Store(open_redis(redis_url, 5000)) for _ in range(4)]
    limit, people = 20, [f"p{n}" for n in range(60)]

    async def apply_all(one: Store, names: list[str]) -> list[Decision]:
        return [await apply(one, application(name), limit) for name in names]

    shares = [random.sample(people, len(people)) for _ in stores]
    answers = await asyncio.gather(
        *(apply_all(one, names) for one, names in zip(stores, shares, strict=True))
    )

    inside = {
        name
        for names, decisions in zip(shares, answers, strict=True)
        for name, decision in zip(names, decisions, strict=True)
        if isinstance(decision, Admitted)
    }
    summary = await tick(stores[0], PROGRAMME, limit, KEPT_MS, ROOM)
    assert len(inside) == summary.live == summary.high == limit
    assert summary.waiting == len(people) - limit
    assert keyed("p0") != keyed("p1")
    for one in stores:
        await one.redis.aclose()
