"""Limits of codes by SMS: of a phone, of its block, of the day, and of whoever has lost a receipt."""

from typing import Any

import pytest

from gateway.domain.programme import RateLimit
from gateway.inflight.admission import OverLimit
from gateway.inflight.confirmation import PhoneAnswer, PhoneOutcome
from gateway.inflight.outbox import spend_code
from gateway.inflight.receipts import AskAnswer, Asking, AskOutcome, ask_receipt
from gateway.inflight.store import Store
from tests.integration.inflight.people import (
    ALMATY_MS,
    PROGRAMME,
    application,
    confirmation_rules,
    keyed,
    phone,
)
from tests.integration.inflight.stopped_clock import (
    DAY_MS,
    DOOR,
    HOUR_MS,
    SECOND_MS,
    THREE,
    knock,
    later,
    newcomers,
    refresh,
    set_clock,
    stand_still,
)

# The numbers of one block, and one of another.
NUMBER, NEIGHBOUR, STRANGER = "+77010000001", "+77010000002", "+77020000001"


async def ask_code(store: Store, number: str, **limits: Any) -> PhoneAnswer:
    """A code for another application each time."""
    [one] = newcomers(1)
    await knock(store, one)
    await stand_still(store)
    return await phone(store, one, number, "code", **limits)


async def ask_lost(store: Store, asked: str, address: str, code: str = "code") -> AskAnswer:
    await stand_still(store)
    asking = Asking(keyed(asked), keyed(address), THREE, keyed(code), b"message")
    return await ask_receipt(store, PROGRAMME, confirmation_rules(), asking)


async def test_a_phone_gets_so_many_codes_whoever_asks(store: Store) -> None:
    answers = [await ask_code(store, NUMBER, phone_limit=THREE) for _ in range(4)]
    lost = [await spend_code(store, PROGRAMME, keyed(NUMBER), RateLimit(3, 3))]
    await later(store, SECOND_MS)
    lost += [await spend_code(store, PROGRAMME, keyed(NUMBER), RateLimit(3, 3)) for _ in range(2)]

    assert [one.outcome for one in answers[:3]] == [PhoneOutcome.SENT] * 3
    assert answers[3] == PhoneAnswer(PhoneOutcome.TOO_MANY_CODES, SECOND_MS)
    assert lost == [False, True, False]


async def test_a_phone_refused_for_its_block_spends_nothing_of_its_own_nor_of_the_budget(
    store: Store,
) -> None:
    limits = {"phone_limit": "1:86400000:0", "block_limit": "1:3600000:0", "codes_per_day": 2}
    await ask_code(store, NUMBER, **limits)

    refused = [await ask_code(store, NEIGHBOUR, **limits) for _ in range(3)]
    await later(store, HOUR_MS)
    answers = [(await ask_code(store, number, **limits)).outcome for number in (NEIGHBOUR, STRANGER)]

    assert refused == [PhoneAnswer(PhoneOutcome.TOO_MANY_NEARBY, HOUR_MS)] * 3
    assert answers == [PhoneOutcome.SENT, PhoneOutcome.BUDGET_SPENT]


async def test_a_phone_over_its_limit_spends_nothing_of_its_block(store: Store) -> None:
    limits = {"phone_limit": "1:3600000:0", "block_limit": "2:7200000:0"}

    answers = [await ask_code(store, number, **limits) for number in [NUMBER] * 5 + [NEIGHBOUR] * 2]

    assert answers[1:5] == [PhoneAnswer(PhoneOutcome.TOO_MANY_CODES, HOUR_MS)] * 4
    assert [one.outcome for one in answers[5:]] == [PhoneOutcome.SENT, PhoneOutcome.TOO_MANY_CODES]


async def test_a_budget_that_is_spent_costs_nobody_else_and_is_new_at_midnight_in_almaty(
    store: Store,
) -> None:
    limits = {"phone_limit": "1:86400000:0", "block_limit": "1:86400000:0", "codes_per_day": 1}
    await refresh(store, 0)
    # Six in the morning of a day long after this test.
    await set_clock(store, "wall", 50_000 * DAY_MS - ALMATY_MS + 6 * HOUR_MS)
    await ask_code(store, STRANGER, **limits)

    refused = [await ask_code(store, NUMBER, **limits) for _ in range(3)]
    await later(store, 18 * HOUR_MS - 1, "wall")
    last = await ask_code(store, NUMBER, **limits)
    await later(store, 1, "wall")

    assert refused == [PhoneAnswer(PhoneOutcome.BUDGET_SPENT, 18 * HOUR_MS)] * 3
    assert last == PhoneAnswer(PhoneOutcome.BUDGET_SPENT, 1)
    assert (await ask_code(store, NUMBER, **limits)).outcome is PhoneOutcome.SENT


@pytest.mark.parametrize("name", ["phone", "block"])
async def test_a_limit_of_codes_in_shadow_refuses_nobody(store: Store, name: str) -> None:
    answers = [await ask_code(store, NUMBER, **{f"{name}_limit": "1:86400000:1"}) for _ in range(4)]

    assert {one.outcome for one in answers} == {PhoneOutcome.SENT}
    assert await store.redis.hget(DOOR, f"shadow_{name}") == b"3"  # type: ignore[misc]  # redis-py types one method for sync and async.


async def test_whoever_asks_for_lost_receipts_spends_what_their_address_has(store: Store) -> None:
    await knock(store, application("a", address="home"), address_limit=THREE)
    asked = [await ask_lost(store, f"number {n}", "home") for n in range(6)]
    again = await ask_lost(store, "number 1", "home")
    elsewhere = await ask_lost(store, "number 5", "office")
    [applied] = await knock(store, application("b", address="home"), address_limit=THREE)
    await later(store, SECOND_MS)

    assert (
        asked
        == [AskAnswer(AskOutcome.SENT, 5)] * 2 + [AskAnswer(AskOutcome.TOO_MANY_FROM_ADDRESS, SECOND_MS)] * 4
    )
    # The same call once more, and a request of which nothing was noted before.
    assert [again, elsewhere] == [AskAnswer(AskOutcome.SENT, 5)] * 2
    assert applied == OverLimit("address", SECOND_MS)
    assert (await ask_lost(store, "number 6", "home")).outcome is AskOutcome.SENT
