import msgspec

from gateway.domain.case import State, job_id
from gateway.inflight.admission import Admitted
from gateway.inflight.confirmation import ConfirmOutcome, PhoneAnswer, PhoneOutcome
from gateway.inflight.jobs import CASES_QUEUE, SMS_QUEUE, queue_key
from gateway.inflight.outbox import code_message, code_sent, note_sms_result
from gateway.inflight.status import look
from gateway.inflight.store import Store
from tests.integration.inflight.people import (
    LEASE_MS,
    PROGRAMME,
    accepted,
    admitted,
    application,
    apply,
    enter,
    field,
    live,
    pass_time,
    phone,
)

SECOND_MS = 1000
TEN_MINUTES_MS = 600 * SECOND_MS
DAY_MS = 24 * 3600 * SECOND_MS


async def next_day(store: Store) -> None:
    for clock in ("wall", "run"):
        await store.redis.hincrby(f"{{{PROGRAMME}}}:door", clock, DAY_MS)  # type: ignore[misc]  # redis-py types one method for sync and async.


async def test_a_phone_gets_its_code_through_the_sealed_outbox_and_its_own_queue(store: Store) -> None:
    one = await admitted(store, "a")

    answer = await phone(store, one, "+77010000001", "123456")

    assert answer == PhoneAnswer(PhoneOutcome.SENT, 5)
    assert await code_message(store, PROGRAMME, one.id) == b"message 123456"
    (job,) = await store.redis.zrange(queue_key(PROGRAMME, SMS_QUEUE), 0, -1)
    payload = msgspec.msgpack.decode(await store.redis.get(b"arq:job:" + job))
    assert (payload["f"], payload["a"]) == ("send_code", [one.id])


async def test_a_sent_message_is_deleted_but_a_newer_one_is_not(store: Store) -> None:
    one = await admitted(store, "a")
    await phone(store, one, "p", "111111")

    await code_sent(store, PROGRAMME, one.id, b"an older message", None)
    assert await code_message(store, PROGRAMME, one.id) == b"message 111111"

    await code_sent(store, PROGRAMME, one.id, b"message 111111", None)
    assert await code_message(store, PROGRAMME, one.id) is None


async def test_a_right_code_accepts_the_case_and_queues_its_job(store: Store) -> None:
    one = await accepted(store, "a")

    sight = await look(store, PROGRAMME, one.id)
    assert sight is not None
    assert sight.state is State.ACCEPTED
    assert await store.redis.zrange(queue_key(PROGRAMME, CASES_QUEUE), 0, -1) == [job_id(one.id).encode()]
    assert await code_message(store, PROGRAMME, one.id) is None


async def test_an_accepted_case_keeps_its_slot_however_long_it_takes(store: Store) -> None:
    await accepted(store, "a")

    await pass_time(store, 30 * DAY_MS)

    assert await live(store) == 1


async def test_the_same_right_code_again_is_the_same_answer_and_no_second_job(store: Store) -> None:
    one = await accepted(store, "a")

    assert (await enter(store, one, "111111")).outcome is ConfirmOutcome.ACCEPTED
    assert (await enter(store, one, "222222")).outcome is ConfirmOutcome.WRONG_STATE
    assert await store.redis.zcard(queue_key(PROGRAMME, CASES_QUEUE)) == 1
    assert await store.redis.hget(f"{{{PROGRAMME}}}:door", "accepted") == b"1"  # type: ignore[misc]  # As above.


async def test_another_receipt_finds_nothing(store: Store) -> None:
    one = await admitted(store, "a")
    await phone(store, one, "p", "111111")
    foreign = msgspec.structs.replace(one, receipt_hash="0" * 64)

    assert (await phone(store, foreign, "p", "111111")).outcome is PhoneOutcome.NOT_FOUND
    assert (await enter(store, foreign, "111111")).outcome is ConfirmOutcome.NOT_FOUND


async def test_five_wrong_codes_lock_and_a_new_code_does_not_reset_the_count(store: Store) -> None:
    one = await admitted(store, "a")
    await phone(store, one, "p", "111111")
    left = [(await enter(store, one, "000000")).figure for _ in range(3)]
    await pass_time(store, 61 * SECOND_MS)
    assert await phone(store, one, "p", "222222") == PhoneAnswer(PhoneOutcome.SENT, 2)
    left += [(await enter(store, one, "000000")).figure for _ in range(2)]

    locked = await enter(store, one, "222222")

    assert left == [4, 3, 2, 1, 0]
    assert locked.outcome is ConfirmOutcome.LOCKED
    assert 0 < locked.figure <= DAY_MS
    await pass_time(store, 61 * SECOND_MS)
    assert (await phone(store, one, "p", "333333")).outcome is PhoneOutcome.LOCKED


async def test_wrong_codes_on_two_phones_add_up_for_the_application(store: Store) -> None:
    one = await admitted(store, "a")
    for number, tries in (("1", 3), ("2", 2)):
        await phone(store, one, number, number)
        for _ in range(tries):
            assert (await enter(store, one, "000000")).outcome is ConfirmOutcome.WRONG_CODE

    assert (await enter(store, one, "2")).outcome is ConfirmOutcome.LOCKED


async def test_wrong_codes_are_remembered_for_the_day_by_person_and_phone(store: Store) -> None:
    first = await admitted(store, "a")
    await phone(store, first, "p", "111111")
    for _ in range(5):
        await enter(store, first, "000000")
    second = await admitted(store, "a")

    assert (await phone(store, second, "p", "111111")).outcome is PhoneOutcome.LOCKED
    assert (await phone(store, second, "another phone", "111111")).outcome is PhoneOutcome.SENT
    await next_day(store)
    third = await admitted(store, "a")
    assert (await phone(store, third, "p", "111111")).outcome is PhoneOutcome.SENT


async def test_a_stranger_with_the_iin_cannot_lock_its_owner_out(store: Store) -> None:
    stranger, owner = await admitted(store, "a"), await admitted(store, "a")
    await phone(store, stranger, "stranger's phone", "111111")
    for _ in range(6):
        await enter(store, stranger, "000000")

    await phone(store, owner, "owner's phone", "222222")

    assert (await enter(store, owner, "222222")).outcome is ConfirmOutcome.ACCEPTED


async def test_a_code_is_sent_again_only_after_a_minute(store: Store) -> None:
    one = await admitted(store, "a")
    await phone(store, one, "p", "111111")

    early = await phone(store, one, "p", "222222")
    await pass_time(store, 61 * SECOND_MS)

    assert early.outcome is PhoneOutcome.SENT_A_MOMENT_AGO
    assert 0 < early.figure <= 60 * SECOND_MS
    assert (await phone(store, one, "p", "222222")).outcome is PhoneOutcome.SENT
    assert (await enter(store, one, "111111")).outcome is ConfirmOutcome.WRONG_CODE
    assert (await enter(store, one, "222222")).outcome is ConfirmOutcome.ACCEPTED


async def test_a_phone_gets_five_codes_a_day(store: Store) -> None:
    for n in range(5):
        assert (
            await phone(store, await admitted(store, f"{n}", limit=9), "p", "1")
        ).outcome is PhoneOutcome.SENT
    one = await admitted(store, "sixth", limit=9)

    refused = await phone(store, one, "p", "1")

    assert refused.outcome is PhoneOutcome.TOO_MANY_CODES
    assert 0 < refused.figure <= DAY_MS
    await next_day(store)
    assert (await phone(store, one, "p", "1")).outcome is PhoneOutcome.SENT


async def test_the_number_may_be_changed_twice(store: Store) -> None:
    one = await admitted(store, "a")
    outcomes = [(await phone(store, one, number, number)).outcome for number in ("1", "2", "3", "4")]

    assert outcomes == [PhoneOutcome.SENT] * 3 + [PhoneOutcome.CHANGED_TOO_OFTEN]
    assert (await enter(store, one, "3")).outcome is ConfirmOutcome.ACCEPTED


async def test_a_code_is_good_for_ten_minutes_and_so_is_the_lease(store: Store) -> None:
    one = await admitted(store, "a", limit=1)
    await pass_time(store, LEASE_MS - 5 * SECOND_MS)
    await phone(store, one, "p", "111111")
    await pass_time(store, TEN_MINUTES_MS - 5 * SECOND_MS)
    assert await live(store) == 1

    await pass_time(store, 6 * SECOND_MS)

    assert (await enter(store, one, "111111")).outcome is ConfirmOutcome.EXPIRED
    assert (await phone(store, one, "p", "222222")).outcome is PhoneOutcome.WRONG_STATE
    assert await live(store) == 0


async def test_the_first_candidate_to_confirm_wins_and_the_others_hear_it_only_then(store: Store) -> None:
    first, second = await admitted(store, "a"), await admitted(store, "a")
    await phone(store, first, "1", "111111")
    await phone(store, second, "2", "222222")

    assert (await enter(store, second, "222222")).outcome is ConfirmOutcome.ACCEPTED
    assert (await enter(store, first, "111111")).outcome is ConfirmOutcome.ALREADY_APPLIED
    assert await live(store) == 1


async def test_a_losing_candidate_that_lapses_takes_nothing_from_the_winner(store: Store) -> None:
    loser, winner = await admitted(store, "a"), await admitted(store, "a")
    await phone(store, winner, "p", "111111")
    await enter(store, winner, "111111")

    await pass_time(store, LEASE_MS + SECOND_MS)

    assert await field(store, loser, "state") == b"lapsed"
    assert await live(store) == 1
    assert isinstance(await apply(store, application("a", iban="another")), Admitted)


async def test_a_phone_confirms_three_persons_and_no_fourth(store: Store) -> None:
    for person in ("a", "b", "c"):
        await accepted(store, person, number="shared", limit=9)
    one = await admitted(store, "d", limit=9)
    await phone(store, one, "shared", "111111")

    assert (await enter(store, one, "111111", limit_seed=9)).outcome is ConfirmOutcome.PHONE_SPENT


async def test_no_code_can_be_right_before_one_was_sent(store: Store) -> None:
    one = await admitted(store, "a")

    assert (await enter(store, one, "111111")).outcome is ConfirmOutcome.WRONG_STATE


async def test_the_same_phone_call_sent_twice_by_a_broken_connection_sends_one_code(store: Store) -> None:
    one = await admitted(store, "a")

    assert await phone(store, one, "p", "111111") == await phone(store, one, "p", "111111")
    assert await field(store, one, "codes") == b"1"
    for code in ("2", "3", "4", "5"):
        assert (await phone(store, one, "p", code * 6, resend_ms=0)).outcome is PhoneOutcome.SENT


async def test_while_no_provider_accepts_leases_stand_still_and_nobody_new_is_let_in(store: Store) -> None:
    one = await admitted(store, "a")
    for _ in range(5):
        await note_sms_result(store, PROGRAMME, accepted=False)
    lease = await field(store, one, "lease")

    refused = await apply(store, application("b"))
    await store.redis.hincrby(f"{{{PROGRAMME}}}:door", "raw", -2900)  # type: ignore[misc]  # As above.
    await live(store)

    svc = await store.redis.hget(f"{{{PROGRAMME}}}:door", "svc")  # type: ignore[misc]  # As above.
    assert type(refused).__name__ == "Full"
    assert int(lease) - int(svc) > LEASE_MS - 2000
    await note_sms_result(store, PROGRAMME, accepted=True)
    assert isinstance(await apply(store, application("b")), Admitted)
