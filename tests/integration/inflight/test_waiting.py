"""What a place in the line is worth: to whoever comes in turn, late, or without the ticket."""

import asyncio
import random

import msgspec

from gateway.inflight.admission import Admitted, Decision, Full, TicketInvalid, TicketNotCalled, admit
from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from gateway.inflight.waiting import Stand, bit_of, fetch_piece, stand
from tests.integration.inflight.people import (
    KEPT_MS,
    PROGRAMME,
    accepted,
    admission_rules,
    application,
    apply,
    free_slot,
    keyed,
    live,
)
from tests.integration.inflight.waiting import ROOM, come, pass_ms, queue


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
