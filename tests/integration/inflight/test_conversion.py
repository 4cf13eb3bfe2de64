"""Codes that hardly ever come back: whoever lives on messages is stopped, and nobody else."""

import pytest

from gateway.domain.programme import Conversion
from gateway.inflight.confirmation import ConfirmOutcome, PhoneAnswer, PhoneOutcome
from gateway.inflight.outbox import FAILURES_BEFORE_DOWN, note_sms_result
from gateway.inflight.store import Store
from tests.integration.inflight.people import PROGRAMME, admitted, enter, phone, steer

LIMIT = 1_000
HOUR_MS = 3_600_000
RULES = Conversion(codes=20, window_seconds=3_600, least_percent=10, trickle=5)
DOOR = f"{{{PROGRAMME}}}:door"


class Crowd:
    """People who give numbers of one block, each from the address that is named."""

    def __init__(self, store: Store, rules: Conversion = RULES) -> None:
        self.store, self.rules, self.count = store, rules, 0

    async def ask(self, address: str, block: str = "+7701123", *, enters: bool = False) -> PhoneAnswer:
        self.count += 1
        one = await admitted(self.store, f"person {self.count}", LIMIT)
        number = f"{block}{self.count:04}"
        answer = await phone(self.store, one, number, "code", address=address, conversion=self.rules)
        if enters and answer.outcome is PhoneOutcome.SENT:
            entered = await enter(self.store, one, "code", limit_seed=LIMIT, conversion=self.rules)
            assert entered.outcome is ConfirmOutcome.ACCEPTED
        return answer

    async def sent(self, address: str, times: int, block: str = "+7701123", *, enters: bool = False) -> int:
        answers = [await self.ask(address, block, enters=enters) for _ in range(times)]
        return sum(one.outcome is PhoneOutcome.SENT for one in answers)


async def later(store: Store, ms: int) -> None:
    await store.redis.hincrby(DOOR, "run", ms)  # type: ignore[misc]  # redis-py types one method for sync and async.


async def test_codes_that_never_come_back_stop_at_the_bound(store: Store) -> None:
    assert await Crowd(store).sent("pump", 100) == RULES.codes


async def test_a_refusal_says_to_come_back_in_a_minute(store: Store) -> None:
    crowd = Crowd(store)
    await crowd.sent("pump", RULES.codes)

    assert await crowd.ask("pump") == PhoneAnswer(PhoneOutcome.WASTED, 60_000)


async def test_addresses_by_the_dozen_get_a_trickle_each(store: Store) -> None:
    crowd = Crowd(store)
    await crowd.sent("pump", RULES.codes)

    assert [await crowd.sent(f"pump {n}", 10) for n in range(3)] == [RULES.trickle] * 3


async def test_whoever_enters_their_codes_is_served_though_their_block_is_in_doubt(store: Store) -> None:
    crowd = Crowd(store)
    await crowd.sent("pump", 200)

    assert await crowd.sent("carrier", 30, enters=True) == 30
    assert await crowd.sent("pump", 1, "+7702999") == 1


async def test_a_block_whose_codes_come_back_again_is_out_of_doubt(store: Store) -> None:
    crowd = Crowd(store)
    await crowd.sent("pump", RULES.codes)
    assert await crowd.sent("pump", 1) == 0

    # One in ten of those sent by then.
    await crowd.sent("carrier", 3, enters=True)

    assert await crowd.sent("pump", 1) == 1


async def test_a_code_that_is_entered_again_and_again_speaks_once(store: Store) -> None:
    crowd = Crowd(store)
    one = await admitted(store, "first", LIMIT)
    await phone(store, one, "+77011239999", "code", address="pump", conversion=RULES)
    await enter(store, one, "code", limit_seed=0, conversion=RULES)
    for _ in range(10):
        await enter(store, one, "code", limit_seed=0, conversion=RULES)

    assert await crowd.sent("pump", 100) == RULES.codes - 1


async def test_doubt_goes_with_its_window(store: Store) -> None:
    crowd = Crowd(store)
    await crowd.sent("pump", RULES.codes)

    await later(store, HOUR_MS)

    assert await crowd.sent("pump", 100) == RULES.codes


async def test_in_shadow_it_is_counted_and_nobody_is_refused(store: Store) -> None:
    crowd = Crowd(store)
    await admitted(store, "first", LIMIT)
    await steer(store, conversion_shadow=True)

    assert await crowd.sent("pump", 30) == 30
    assert await store.redis.hget(DOOR, "shadow_conversion") == b"10"  # type: ignore[misc]  # As above.


@pytest.mark.parametrize(
    ("control", "value", "sent"), [("conversion_codes", 7, 7), ("conversion_trickle", 30, 30)]
)
async def test_an_operator_moves_its_bounds(store: Store, control: str, value: int, sent: int) -> None:
    crowd = Crowd(store)
    await admitted(store, "first", LIMIT)
    await steer(store, **{control: value})

    assert await crowd.sent("pump", 50) == sent


async def test_while_no_provider_accepts_nobody_is_in_doubt(store: Store) -> None:
    crowd = Crowd(store)
    waiting = [await admitted(store, f"waiting {n}", LIMIT) for n in range(3)]
    await crowd.sent("pump", RULES.codes)
    for _ in range(FAILURES_BEFORE_DOWN):
        await note_sms_result(store, PROGRAMME, accepted=False)

    answers = [
        await phone(store, one, f"+770112388{n:02}", "code", address="pump", conversion=RULES)
        for n, one in enumerate(waiting)
    ]

    assert {one.outcome for one in answers} == {PhoneOutcome.SENT}


async def test_an_address_gets_its_codes_and_no_more(store: Store) -> None:
    three = {"code_address_limit": "3:300000:0"}
    people = [await admitted(store, f"person {n}", LIMIT) for n in range(5)]
    answers = [await phone(store, one, f"+7701{n:03}0000", "code", **three) for n, one in enumerate(people)]

    assert [one.outcome for one in answers[:3]] == [PhoneOutcome.SENT] * 3
    assert [one.outcome for one in answers[3:]] == [PhoneOutcome.TOO_MANY_FROM_ADDRESS] * 2
    elsewhere = await phone(store, people[3], "+77015550000", "code", address="office", **three)
    assert elsewhere.outcome is PhoneOutcome.SENT
