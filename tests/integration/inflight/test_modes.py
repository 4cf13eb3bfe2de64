"""What each mode lets happen at the door, and that nobody who waits loses anything by it."""

import pytest

from gateway.domain.case import State
from gateway.domain.tickets import Place
from gateway.inflight.admission import (
    Admission,
    Admitted,
    Closed,
    Decision,
    Full,
    Repeated,
    TicketInvalid,
    TicketNotCalled,
    admit,
)
from gateway.inflight.confirmation import ConfirmOutcome, PhoneOutcome
from gateway.inflight.progress import ParkedCase, ReadmitOutcome, finish, readmit, take
from gateway.inflight.records import Step
from gateway.inflight.status import Summary, look, tick
from gateway.inflight.store import Store
from gateway.inflight.waiting import Stand, stand
from tests.integration.inflight.people import (
    KEPT_MS,
    MESSAGES,
    PROGRAMME,
    accepted,
    admission_rules,
    admitted,
    application,
    apply,
    enter,
    free_slot,
    phone,
    steer,
    with_ticket,
)

DOOR = f"{{{PROGRAMME}}}:door"
HELD, SHUT = ["hold", "drain", "closed"], ["drain", "closed"]


async def turn(store: Store, mode: str) -> None:
    await steer(store, mode=mode, **MESSAGES)


async def knock(store: Store, person: str, iban: str = "own") -> Decision:
    return await apply(store, application(person, iban))


async def wait(store: Store, person: str) -> Place:
    decision = await knock(store, person)
    assert isinstance(decision, Full), decision
    return decision.place


async def come(store: Store, person: str, place: Place) -> Decision:
    return await apply(store, with_ticket(application(person), place))


async def refresh(store: Store, after_ms: int = 0) -> Summary:
    await tick(store, PROGRAMME, 3, KEPT_MS)
    await store.redis.hincrby(DOOR, "svc", after_ms)  # type: ignore[misc]  # redis-py types one method for sync and async.
    return await tick(store, PROGRAMME, 3, KEPT_MS)


async def fill(store: Store) -> list[Admission]:
    return [await accepted(store, f"holder {n}") for n in range(3)]


async def test_in_a_line_for_all_everybody_gets_a_ticket_first_and_is_called_in_turn(store: Store) -> None:
    await refresh(store)
    await turn(store, "line_for_all")

    places = [await wait(store, person) for person in "abcd"]
    summary = await refresh(store)

    assert [place.number for place in places] == [1, 2, 3, 4]
    assert (summary.live, summary.line.called, summary.waiting) == (0, 3, 1)
    assert [type(await come(store, *one)) for one in zip("abc", places[:3], strict=True)] == [Admitted] * 3
    assert isinstance(await come(store, "d", places[3]), TicketNotCalled)


async def test_while_held_newcomers_get_tickets_and_nobody_is_called(store: Store) -> None:
    holders = await fill(store)
    first = await wait(store, "a")
    await turn(store, "hold")

    await free_slot(store, holders[0])
    second = await wait(store, "b")
    summary = await refresh(store)

    assert (first.number, second.number) == (1, 2)
    assert (summary.line.called, summary.live, summary.waiting) == (0, 2, 2)
    assert isinstance(await come(store, "a", first), TicketNotCalled)


@pytest.mark.parametrize("mode", SHUT)
async def test_nobody_gets_a_ticket_where_none_are_given(store: Store, mode: str) -> None:
    holders = await fill(store)
    place = await wait(store, "a")
    await turn(store, mode)
    await free_slot(store, holders[0])

    assert [await knock(store, "b"), await knock(store, "a"), await come(store, "a", place)] == [Closed()] * 3

    summary = await refresh(store)
    assert (summary.line.minted, summary.line.called, summary.live) == (1, 0, 2)
    assert stand(place, summary.line, summary.front_row) is not None


@pytest.mark.parametrize("mode", SHUT)
async def test_an_empty_door_that_is_shut_lets_nobody_in(store: Store, mode: str) -> None:
    await refresh(store)
    await turn(store, mode)

    decisions = await admit(store, PROGRAMME, admission_rules(3), [application(name) for name in "abc"])

    assert decisions == [Closed()] * 3


@pytest.mark.parametrize("mode", ["hold", "drain"])
async def test_the_called_may_come_unless_it_is_closed(store: Store, mode: str) -> None:
    holders = await fill(store)
    places = [await wait(store, person) for person in "ab"]
    for holder in holders[:2]:
        await free_slot(store, holder)
    await turn(store, mode)

    # With the ticket, and found again without it.
    assert isinstance(await come(store, "a", places[0]), Admitted)
    assert isinstance(await knock(store, "b"), Admitted)


async def test_in_a_closed_programme_the_called_do_not_come_and_their_windows_stand_still(
    store: Store,
) -> None:
    holders = await fill(store)
    places = [await wait(store, person) for person in "ab"]
    await free_slot(store, holders[0])
    await turn(store, "closed")

    assert await come(store, "a", places[0]) == Closed()
    summary = await refresh(store, after_ms=3_600_000)
    standing = stand(places[0], summary.line, summary.front_row)
    assert standing is not None
    assert standing.state is Stand.CALLED

    await turn(store, "open")
    summary = await refresh(store)
    [(_, end_ms)] = summary.line.windows
    assert 20_000 <= end_ms - summary.service_ms <= 21_000
    assert isinstance(await come(store, "b", places[1]), TicketNotCalled)
    assert isinstance(await come(store, "a", places[0]), Admitted)


async def test_who_comes_late_keeps_the_place_where_no_tickets_are_given(store: Store) -> None:
    holders = await fill(store)
    places = [await wait(store, person) for person in "ab"]
    await free_slot(store, holders[0])
    await refresh(store, after_ms=22_000)
    await turn(store, "drain")
    await steer(store, limit=0)

    assert [await come(store, "a", places[0]) for _ in range(2)] == [Closed()] * 2

    await turn(store, "open")
    late = await come(store, "a", places[0])
    assert isinstance(late, Full)
    assert (late.place.lane, late.place.number) == (1, 1)
    await turn(store, "drain")
    assert await come(store, "a", places[0]) == Closed()
    assert await come(store, "a", late.place) == Closed()


async def test_who_is_called_and_finds_no_slot_keeps_the_place_where_no_tickets_are_given(
    store: Store,
) -> None:
    holders = await fill(store)
    place = await wait(store, "a")
    await free_slot(store, holders[0])
    await turn(store, "drain")
    await steer(store, limit=0)

    assert await come(store, "a", place) == Closed()

    await steer(store, limit=3)
    assert isinstance(await come(store, "a", place), Admitted)


@pytest.mark.parametrize("mode", HELD)
async def test_on_reopening_everybody_is_called_in_the_order_in_which_they_came(
    store: Store, mode: str
) -> None:
    holders = await fill(store)
    places = [await wait(store, person) for person in "abc"]
    await turn(store, mode)
    for holder in holders[:2]:
        await free_slot(store, holder)
    assert (await refresh(store, after_ms=3_600_000)).line.called == 0

    await turn(store, "open")

    assert (await refresh(store)).line.called == 2
    assert isinstance(await knock(store, "newcomer"), Full)
    assert [type(await come(store, *one)) for one in zip("abc", places, strict=True)] == [
        Admitted,
        Admitted,
        TicketNotCalled,
    ]


@pytest.mark.parametrize("mode", ["line_for_all", *HELD])
async def test_whoever_has_a_slot_and_sends_the_form_again_is_treated_as_ever(
    store: Store, mode: str
) -> None:
    await admitted(store, "a")
    keyed = application("a", key="key")
    assert isinstance(await apply(store, keyed), Admitted)
    await turn(store, mode)

    assert isinstance(await apply(store, application("a", key="key")), Repeated)
    assert isinstance(await knock(store, "a"), Admitted)
    assert type(await knock(store, "a", iban="another")) is (Closed if mode in SHUT else Full)


@pytest.mark.parametrize("mode", HELD)
async def test_those_who_are_in_go_on(store: Store, mode: str) -> None:
    one, holder = await admitted(store, "a"), await accepted(store, "holder")
    await turn(store, mode)

    assert (await phone(store, one, "+77010000001", "code")).outcome is PhoneOutcome.SENT
    assert (await enter(store, one, "code")).outcome is ConfirmOutcome.ACCEPTED
    await free_slot(store, holder)
    sight = await look(store, PROGRAMME, holder.id)
    assert sight is not None
    assert sight.state is State.FORWARDED


async def test_a_parked_case_comes_back_to_a_closed_programme(store: Store) -> None:
    holder = await accepted(store, "holder")
    case = await take(store, PROGRAMME, holder.id)
    assert case is not None
    await finish(store, PROGRAMME, holder.id, case.fence, State.PARKED, KEPT_MS)
    await turn(store, "closed")

    parked = ParkedCase(
        holder.id,
        case.person,
        case.receipt_hash,
        b"body",
        b"phone",
        case.phone_hash,
        "42500-2026-0000001",
        (Step(State.PARKED, 1),),
        1,
    )
    outcome, _ = await readmit(store, PROGRAMME, parked, 3)

    assert outcome is ReadmitOutcome.IN


async def test_a_ticket_of_a_lost_line_is_invalid_in_every_mode(store: Store) -> None:
    await fill(store)
    place = await wait(store, "a")
    await turn(store, "closed")

    lost = Place(place.lane, place.number, place.again, place.epoch - 1)

    assert isinstance(await come(store, "a", lost), TicketInvalid)
