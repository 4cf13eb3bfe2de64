"""Redis comes back from an older copy: what the register knows by now is told to it, once and for all."""

import pytest

from gateway.domain.case import State
from gateway.inflight.admission import Admission, Full, TicketInvalid
from gateway.inflight.confirmation import ConfirmOutcome
from gateway.inflight.copying import Known, begin_new_line, catch_up
from gateway.inflight.progress import advance, finish, take
from gateway.inflight.status import look, tally, tick
from gateway.inflight.store import Store
from tests.integration.inflight.people import (
    KEPT_MS,
    PROGRAMME,
    accepted,
    admitted,
    application,
    apply,
    enter,
    live,
    phone,
    with_ticket,
)


def known(one: Admission, state: State, *, is_fresh: bool = True) -> Known:
    return Known(one.id, one.person, state, is_fresh)


async def told(store: Store, *everybody: Known) -> tuple[int, int]:
    return await catch_up(store, PROGRAMME, everybody, KEPT_MS)


async def test_a_case_that_ended_after_the_copy_is_over(store: Store) -> None:
    one = await accepted(store, "aigul")

    assert await told(store, known(one, State.FORWARDED)) == (0, 1)

    sight = await look(store, PROGRAMME, one.id)
    assert sight is not None
    assert sight.state is State.FORWARDED
    assert await take(store, PROGRAMME, one.id) is None
    assert await live(store) == 0
    assert (await tally(store, PROGRAMME)).accepted == 1


async def test_who_was_accepted_after_the_copy_cannot_be_accepted_once_more(store: Store) -> None:
    lost = application("aigul")
    await tick(store, PROGRAMME, 3, KEPT_MS)

    assert await told(store, known(lost, State.FORWARDED)) == (1, 0)

    again = await admitted(store, "aigul")
    await phone(store, again, "aigul", "111111")
    assert (await enter(store, again, "111111")).outcome is ConfirmOutcome.ALREADY_APPLIED
    assert (await tally(store, PROGRAMME)).accepted == 1


async def test_a_lease_that_was_confirmed_after_the_copy_gives_way_to_the_register(store: Store) -> None:
    one = await admitted(store, "aigul")
    await phone(store, one, "aigul", "111111")

    assert await told(store, known(one, State.ACCEPTED)) == (1, 0)

    # It is missed now, and comes back from the register as any case that Redis lost.
    assert await look(store, PROGRAMME, one.id) is None
    assert (await enter(store, one, "111111")).outcome is ConfirmOutcome.NOT_FOUND


@pytest.mark.parametrize("state", [State.REFUSED, State.DENIED])
async def test_who_was_refused_after_the_copy_may_apply_again(store: Store, state: State) -> None:
    one = await accepted(store, "aigul")

    assert await told(store, known(one, state)) == (0, 1)

    again = await accepted(store, "aigul", "another phone")
    assert (await look(store, PROGRAMME, again.id)) is not None


async def test_a_refused_application_gives_way_to_the_one_after_it(store: Store) -> None:
    first, second = await accepted(store, "aigul"), application("aigul")

    assert await told(store, known(first, State.REFUSED), known(second, State.ACCEPTED)) == (1, 1)

    assert (await tally(store, PROGRAMME)).accepted == 2


async def test_what_the_copy_knows_is_left_alone(store: Store) -> None:
    going_on, over = await accepted(store, "aigul"), await accepted(store, "bolat")
    case = await take(store, PROGRAMME, over.id)
    assert case is not None
    await advance(store, PROGRAMME, over.id, case.fence, (State.ACCEPTED, State.FORWARDING), "1")
    await finish(store, PROGRAMME, over.id, case.fence, State.FORWARDED, KEPT_MS)
    decided_long_ago = application("dana")

    before = await tally(store, PROGRAMME)
    everybody = (
        known(going_on, State.ACCEPTED),
        known(over, State.ASSIGNED),
        known(decided_long_ago, State.DENIED, is_fresh=False),
    )
    assert await told(store, *everybody) == (0, 0)
    assert await tally(store, PROGRAMME) == before


async def test_it_may_be_told_twice(store: Store) -> None:
    ended, lost = await accepted(store, "aigul"), application("bolat")
    everybody = (known(ended, State.PARKED), known(lost, State.ACCEPTED))

    assert await told(store, *everybody) == (1, 1)
    before = await tally(store, PROGRAMME)
    assert await told(store, *everybody) == (0, 0)
    assert await tally(store, PROGRAMME) == before


async def test_tickets_of_before_are_void_and_places_forgotten(store: Store) -> None:
    await admitted(store, "aigul", limit=1)
    waiting = application("bolat")
    told_to_wait = await apply(store, waiting, limit=1)
    assert isinstance(told_to_wait, Full)

    await begin_new_line(store, PROGRAMME)

    claim = await apply(store, with_ticket(application("bolat"), told_to_wait.place), limit=1)
    assert isinstance(claim, TicketInvalid)
    anew = await apply(store, application("dana"), limit=1)
    assert isinstance(anew, Full)
    assert (anew.place.number, anew.position) == (1, 1)
    assert anew.place.epoch != told_to_wait.place.epoch
    after = await apply(store, waiting, limit=1)
    assert isinstance(after, Full)
    assert after.place.number == 2
