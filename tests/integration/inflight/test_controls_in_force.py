"""Each control over what the caller's file says, from the very next call on."""

import pytest

from gateway.inflight.admission import Admitted, Decision, Full, OverLimit
from gateway.inflight.confirmation import PhoneOutcome
from gateway.inflight.outbox import spend_code
from gateway.inflight.receipts import Asking, AskOutcome, ask_receipt
from gateway.inflight.store import Store
from tests.integration.inflight.people import (
    FILE,
    PROGRAMME,
    UNLIMITED,
    admitted,
    application,
    apply,
    confirmation_rules,
    keyed,
    live,
    phone,
    serve,
    steer,
)


async def knock(store: Store, person: str, **limits: str) -> Decision:
    return await apply(store, application(person), FILE.slots, **limits)


async def test_a_lease_before_the_phone_is_as_long_as_is_set(door: Store) -> None:
    await steer(door, lease_before_phone_seconds=7)
    service_ms = (await serve(door)).service_ms

    await admitted(door, "a", FILE.slots)

    [(_, end_ms)] = await door.redis.zrange(f"{{{PROGRAMME}}}:slots", 0, -1, withscores=True)
    assert 7_000 <= end_ms - service_ms < 8_000


async def test_a_lease_after_the_code_is_as_long_as_is_set(door: Store) -> None:
    one = await admitted(door, "a", FILE.slots)
    await steer(door, lease_after_code_seconds=5_000)
    service_ms = (await serve(door)).service_ms

    await phone(door, one, "+77010000001", "code")

    [(_, end_ms)] = await door.redis.zrange(f"{{{PROGRAMME}}}:slots", 0, -1, withscores=True)
    assert 5_000_000 <= end_ms - service_ms < 5_001_000


async def test_the_unconfirmed_take_the_share_that_is_set(door: Store) -> None:
    await steer(door, limit=4, unconfirmed_share_percent=50)

    decisions = [await knock(door, person) for person in "abc"]

    assert [type(one) for one in decisions] == [Admitted, Admitted, Full]
    assert await live(door) == 2


@pytest.mark.parametrize("name", ["address", "person"])
async def test_a_limit_of_submissions_is_as_is_set(door: Store, name: str) -> None:
    await steer(door, **{f"{name}_count": 1, f"{name}_window_seconds": 600})
    people = ["a", "b"] if name == "address" else ["a", "a"]

    assert isinstance(await knock(door, people[0]), Admitted)
    refused = await knock(door, people[1])

    assert isinstance(refused, OverLimit)
    assert refused.limit == name
    assert 590_000 < refused.retry_after_ms <= 600_000
    await steer(door, **{f"{name}_shadow": True})
    assert isinstance(await knock(door, people[1]), Admitted)


async def test_one_part_of_a_limit_leaves_the_others_to_the_file(door: Store) -> None:
    await steer(door, person_count=2)
    text = "1:600000:0"

    decisions = [await knock(door, "a", person_limit=text) for _ in range(3)]

    assert [type(one) for one in decisions] == [Admitted, Admitted, OverLimit]
    assert isinstance(decisions[2], OverLimit)
    assert 290_000 < decisions[2].retry_after_ms <= 300_000


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"phone_count": 1}, PhoneOutcome.TOO_MANY_CODES),
        ({"block_count": 1}, PhoneOutcome.TOO_MANY_NEARBY),
        ({"codes_per_day": 1}, PhoneOutcome.BUDGET_SPENT),
    ],
)
async def test_codes_are_limited_as_is_set(
    door: Store, changes: dict[str, int], outcome: PhoneOutcome
) -> None:
    people = [await admitted(door, person, FILE.slots) for person in "ab"]
    await steer(door, **changes)

    answers = [await phone(door, one, "+77010000001", "code", phone_limit=UNLIMITED) for one in people]

    assert [one.outcome for one in answers] == [PhoneOutcome.SENT, outcome]


async def test_codes_for_lost_receipts_are_limited_as_is_set(door: Store) -> None:
    await steer(door, address_count=1, phone_count=1)

    async def ask(request: str, address: str) -> AskOutcome:
        asking = Asking(keyed(request), keyed(address), UNLIMITED, keyed(f"{request}{address}"), b"message")
        answer = await ask_receipt(door, PROGRAMME, confirmation_rules(resend_ms=0), asking)
        return answer.outcome

    assert await ask("lost", "home") is AskOutcome.SENT
    assert await ask("another", "home") is AskOutcome.TOO_MANY_FROM_ADDRESS
    assert await ask("lost", "elsewhere") is AskOutcome.TOO_MANY_CODES
    assert await spend_code(door, PROGRAMME, keyed("phone"), FILE.limits.phone)
    assert not await spend_code(door, PROGRAMME, keyed("phone"), FILE.limits.phone)


async def test_the_line_is_called_and_waited_for_as_is_set(door: Store) -> None:
    await steer(door, limit=0, calls_per_second=2, claim_window_seconds=400)
    for person in "abcde":
        assert isinstance(await knock(door, person), Full)
    await steer(door, limit=10)

    await door.redis.hincrby(f"{{{PROGRAMME}}}:door", "svc", 1_000)  # type: ignore[misc]  # redis-py types one method for sync and async.
    summary = await serve(door)

    assert summary.line.called == 2
    [(_, end_ms)] = summary.line.windows
    assert 400_000 < end_ms - summary.service_ms <= 401_000


async def test_a_shorter_window_is_no_shorter_for_those_already_called(door: Store) -> None:
    await steer(door, limit=0)
    await knock(door, "a")
    await steer(door, limit=1)
    called = await serve(door)
    await knock(door, "b")
    await steer(door, limit=2, claim_window_seconds=1)

    await serve(door)
    summary = await serve(door)

    assert (summary.line.called, summary.line.windows) == (2, ((2, called.line.windows[0][1]),))


async def test_the_inlet_lets_in_as_many_as_is_set(door: Store) -> None:
    await steer(door, inlet_per_second=2)
    await serve(door)
    # The next calls find that no time has passed.
    await door.redis.hset(f"{{{PROGRAMME}}}:door", "raw", str(9 * 10**15))  # type: ignore[misc]  # As above.

    decisions = [await knock(door, person) for person in "abc"]

    assert [type(one) for one in decisions] == [Admitted, Admitted, Full]
