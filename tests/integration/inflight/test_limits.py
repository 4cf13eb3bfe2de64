"""Rate limits and the inlet, to the millisecond: the clock of the door stands still between two calls."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from gateway.domain.programme import RateLimit
from gateway.inflight.admission import (
    MOST_PER_CALL,
    Admission,
    Admitted,
    Decision,
    Full,
    IdempotencyConflict,
    OverLimit,
    Repeated,
    TicketNotCalled,
    admit,
)
from gateway.inflight.confirmation import PhoneAnswer, PhoneOutcome
from gateway.inflight.outbox import spend_code
from gateway.inflight.receipts import AskAnswer, Asking, AskOutcome, ask_receipt
from gateway.inflight.status import Summary, tick
from gateway.inflight.store import Store
from gateway.inflight.waiting import RoomRules
from tests.integration.inflight.people import (
    ALMATY_MS,
    KEPT_MS,
    PROGRAMME,
    admission_rules,
    application,
    confirmation_rules,
    keyed,
    phone,
    with_ticket,
)

DOOR = f"{{{PROGRAMME}}}:door"
RATES = f"{{{PROGRAMME}}}:rate:*"
# Beyond any clock: the next call finds that no time has passed, as after a step backwards.
FAR_MS = 9 * 10**15
SECOND_MS, HOUR_MS, DAY_MS = 1000, 3_600_000, 86_400_000
# More than anybody here takes.
SLOTS = 100_000
# Three at once, then one a second.
THREE = "3:3000:0"
# The numbers of one block, and one of another.
NUMBER, NEIGHBOUR, STRANGER = "+77010000001", "+77010000002", "+77020000001"

serial = itertools.count()


async def set_clock(store: Store, clock: str, at_ms: int) -> None:
    await store.redis.hset(DOOR, clock, str(at_ms))  # type: ignore[misc]  # redis-py types one method for sync and async.


async def later(store: Store, milliseconds: int, clock: str = "run") -> None:
    await store.redis.hincrby(DOOR, clock, milliseconds)  # type: ignore[misc]  # As above.


async def stand_still(store: Store) -> None:
    await set_clock(store, "raw", FAR_MS)


async def knock(store: Store, *applications: Admission, **limits: str) -> list[Decision]:
    rules, decisions = admission_rules(SLOTS, candidates=SLOTS, **limits), []
    for start in range(0, len(applications), MOST_PER_CALL):
        await stand_still(store)
        batch = applications[start : start + MOST_PER_CALL]
        decisions += await admit(store, PROGRAMME, rules, batch)
    return decisions


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


async def refresh(store: Store, inlet: int) -> Summary:
    await stand_still(store)
    room = RoomRules(20_000, 120_000, calls_per_second=1000, inlet_per_second=inlet)
    return await tick(store, PROGRAMME, SLOTS, KEPT_MS, room)


async def time_ms(store: Store) -> int:
    seconds, microseconds = await store.redis.time()
    return int(seconds * 1000 + microseconds // 1000)


def newcomers(count: int) -> list[Admission]:
    return [application(f"person {next(serial)}") for _ in range(count)]


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
    assert await store.redis.hget(DOOR, f"shadow_{name}") == b"5"  # type: ignore[misc]  # As above.
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
    assert await store.redis.hget(DOOR, f"shadow_{name}") == b"3"  # type: ignore[misc]  # As above.


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


async def test_what_is_kept_of_a_limit_goes_by_itself_three_windows_after_the_first(store: Store) -> None:
    before = await time_ms(store)
    await knock(store, *newcomers(2), address_limit=THREE, person_limit="1:1000:0")
    after = await time_ms(store)

    ends = {
        name.split(b":")[2]: await store.redis.pexpiretime(name)  # type: ignore[misc]  # As above.
        for name in await store.redis.keys(RATES)
    }

    assert ends.keys() == {b"address", b"person"}
    assert before + 9 * SECOND_MS <= ends[b"address"] <= after + 9 * SECOND_MS
    assert before + 3 * SECOND_MS <= ends[b"person"] <= after + 3 * SECOND_MS


async def test_the_tick_frees_what_no_window_reaches_any_more(store: Store) -> None:
    # A window of three seconds and one of one begin here.
    start_ms = 3 * 10**12
    await set_clock(store, "run", start_ms + SECOND_MS - 1)
    await knock(store, application("a", address="home"), address_limit=THREE, person_limit="1:1000:0")
    kept = []
    for run_ms in [2 * SECOND_MS - 1, 2 * SECOND_MS, 6 * SECOND_MS - 1, 6 * SECOND_MS]:
        await set_clock(store, "run", start_ms + run_ms)
        await refresh(store, 0)
        kept.append({key.split(b":")[2] for key in await store.redis.keys(RATES)})

    assert kept == [{b"address", b"person"}, {b"address"}, {b"address"}, set()]
    assert not await store.redis.exists(f"{{{PROGRAMME}}}:rates")


async def test_a_hash_is_noted_once_however_often_it_is_written(store: Store) -> None:
    await knock(store, *newcomers(1), address_limit="9:3600000:0", person_limit="9:3600000:0")
    noted = await store.redis.zrange(f"{{{PROGRAMME}}}:rates", 0, -1, withscores=True)
    await knock(store, *newcomers(2), address_limit="9:3600000:0", person_limit="9:3600000:0")

    assert {key for key, _ in noted} == set(await store.redis.keys(RATES))
    assert await store.redis.zrange(f"{{{PROGRAMME}}}:rates", 0, -1, withscores=True) == noted


async def test_nothing_is_kept_of_whom_a_limit_refuses(store: Store) -> None:
    await knock(store, application("a", address="home"), address_limit="1:1000:0")
    await knock(store, application("b", address="home"), address_limit="1:1000:0")

    names = [name for key in await store.redis.keys(RATES) for name in await store.redis.hkeys(key)]  # type: ignore[misc]  # As above.

    assert sorted(names) == sorted([keyed("home").encode(), keyed("a").encode()])


async def test_in_the_end_nothing_is_kept_of_anybody(store: Store) -> None:
    one, short = application("a"), "2:30:0"
    await knock(store, one, *newcomers(2), address_limit=short, person_limit=short)
    await phone(store, one, NUMBER, "code", phone_limit=short, block_limit=short)

    while await store.redis.keys(RATES):  # noqa: ASYNC110 - Valkey tells nobody of an end.
        await asyncio.sleep(0.005)


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
