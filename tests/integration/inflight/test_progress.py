import msgspec
import pytest

from gateway.domain.case import State, job_id
from gateway.inflight.admission import Admission, Admitted
from gateway.inflight.confirmation import ConfirmOutcome
from gateway.inflight.jobs import CASES_QUEUE, SMS_QUEUE, queue_key
from gateway.inflight.progress import (
    ParkedCase,
    ReadmitOutcome,
    StaleToken,
    TakenCase,
    advance,
    decided,
    finish,
    readmit,
    requeue,
    stale_cases,
    take,
)
from gateway.inflight.store import Store
from tests.integration.inflight.people import (
    KEPT_MS,
    PROGRAMME,
    accepted,
    application,
    apply,
    enter,
    field,
    live,
    phone,
)

VERIFY = (State.ACCEPTED, State.VERIFYING)


async def taken(store: Store, one: Admission) -> TakenCase:
    case = await take(store, PROGRAMME, one.id)
    assert case is not None
    return case


async def ended(store: Store, one: Admission, state: State) -> TakenCase:
    case = await taken(store, one)
    await finish(store, PROGRAMME, one.id, case.fence, state, KEPT_MS)
    return case


def parked_record(one: Admission, case: TakenCase) -> ParkedCase:
    return ParkedCase(
        id=one.id,
        person=case.person,
        receipt_hash=case.receipt_hash,
        body=case.body,
        sealed_phone=case.sealed_phone,
        phone_hash=case.phone_hash,
        number="42500-2026-0000001",
        history=case.history,
        accepted_at_ms=case.accepted_at_ms,
    )


async def test_a_worker_takes_a_case_with_all_it_needs(store: Store) -> None:
    one = await accepted(store, "a")

    case = await taken(store, one)

    assert (case.state, case.body, case.sealed_phone) == (State.ACCEPTED, one.body, b"sealed phone")
    assert [step.state for step in case.history] == [State.AWAITING_PHONE, State.ACCEPTED]


async def test_tokens_grow_and_an_older_one_changes_nothing(store: Store) -> None:
    one = await accepted(store, "a")
    older, newer = await taken(store, one), await taken(store, one)

    assert newer.fence > older.fence
    with pytest.raises(StaleToken):
        await advance(store, PROGRAMME, one.id, older.fence, VERIFY)
    with pytest.raises(StaleToken):
        await finish(store, PROGRAMME, one.id, older.fence, State.FORWARDED, KEPT_MS)
    assert await field(store, one, "state") == b"accepted"


async def test_tokens_grow_even_when_the_counter_was_lost(store: Store) -> None:
    one = await accepted(store, "a")
    before = await taken(store, one)
    await store.redis.hdel(f"{{{PROGRAMME}}}:door", "fence")  # type: ignore[misc]  # redis-py types one method for sync and async.

    assert (await taken(store, one)).fence > before.fence


async def test_advancing_twice_is_advancing_once_and_never_backwards(store: Store) -> None:
    one = await accepted(store, "a")
    fence = (await taken(store, one)).fence

    once = await advance(store, PROGRAMME, one.id, fence, VERIFY, number="42500-2026-0000001")
    assert await advance(store, PROGRAMME, one.id, fence, VERIFY) == once
    await advance(store, PROGRAMME, one.id, fence, (State.VERIFYING, State.FORWARDING))
    with pytest.raises(StaleToken):
        await advance(store, PROGRAMME, one.id, fence, VERIFY)
    assert await field(store, one, "number") == b"42500-2026-0000001"


@pytest.mark.parametrize("state", [State.FORWARDED, State.REFUSED, State.PARKED])
async def test_an_ended_case_frees_its_slot_once(store: Store, state: State) -> None:
    one, other = await accepted(store, "a"), await accepted(store, "b")
    case = await ended(store, one, state)

    await finish(store, PROGRAMME, one.id, case.fence, state, KEPT_MS)

    assert await live(store) == 1
    assert await take(store, PROGRAMME, one.id) is None
    assert await take(store, PROGRAMME, other.id) is not None
    assert await field(store, one, "body") is None


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (State.FORWARDED, ConfirmOutcome.ALREADY_APPLIED),
        (State.PARKED, ConfirmOutcome.ALREADY_APPLIED),
        (State.REFUSED, ConfirmOutcome.ACCEPTED),
    ],
)
async def test_only_a_refusal_lets_one_apply_again(
    store: Store, state: State, outcome: ConfirmOutcome
) -> None:
    await ended(store, await accepted(store, "a"), state)
    again = application("a")
    assert isinstance(await apply(store, again), Admitted)
    await phone(store, again, "p", "222222")

    assert (await enter(store, again, "222222")).outcome is outcome


async def test_a_denial_queues_the_notice_and_lets_one_apply_again(store: Store) -> None:
    one = await accepted(store, "a")
    case = await ended(store, one, State.FORWARDED)

    await decided(store, PROGRAMME, one.id, case.person, denied=True)

    jobs = await store.redis.zrange(queue_key(PROGRAMME, SMS_QUEUE), 0, -1)
    assert f"{job_id(one.id)}:notice".encode() in jobs
    await accepted(store, "a")


async def test_a_parked_case_comes_back_through_the_slots(store: Store) -> None:
    one = await accepted(store, "a", limit=1)
    case = await ended(store, one, State.PARKED)
    await accepted(store, "b", limit=1)

    assert (await readmit(store, PROGRAMME, parked_record(one, case), 1))[0] is ReadmitOutcome.FULL
    await store.redis.hset(f"{{{PROGRAMME}}}:door", "limit", "2")  # type: ignore[misc]  # As above.
    outcome, at_ms = await readmit(store, PROGRAMME, parked_record(one, case), 1)

    assert outcome is ReadmitOutcome.IN
    assert at_ms >= case.accepted_at_ms
    assert await live(store) == 2
    again = await taken(store, one)
    assert again.state is State.ACCEPTED
    assert again.fence > case.fence


async def test_readmitting_twice_is_readmitting_once(store: Store) -> None:
    one = await accepted(store, "a")
    case = await ended(store, one, State.PARKED)

    first, _ = await readmit(store, PROGRAMME, parked_record(one, case), 3)
    second, _ = await readmit(store, PROGRAMME, parked_record(one, case), 3)

    assert (first, second) == (ReadmitOutcome.IN, ReadmitOutcome.IN)
    assert await live(store) == 1


async def test_a_case_that_has_ended_meanwhile_does_not_come_back(store: Store) -> None:
    one = await accepted(store, "a")
    case = await ended(store, one, State.PARKED)
    record = parked_record(one, case)
    await readmit(store, PROGRAMME, record, 3)
    await ended(store, one, State.FORWARDED)

    assert (await readmit(store, PROGRAMME, record, 3))[0] is ReadmitOutcome.ENDED
    assert await live(store) == 0


async def test_the_sweeper_finds_every_case_whose_job_was_lost(store: Store) -> None:
    one, two = await accepted(store, "a"), await accepted(store, "b")
    lost = job_id(one.id)
    await store.redis.delete(f"arq:job:{lost}")
    await store.redis.zrem(queue_key(PROGRAMME, CASES_QUEUE), lost)

    found = await stale_cases(store, PROGRAMME, untouched_ms=0, most=10)

    assert sorted(found) == sorted([one.id, two.id])
    assert [await requeue(store, PROGRAMME, one.id), await requeue(store, PROGRAMME, two.id)] == [True, False]
    assert await store.redis.zcard(queue_key(PROGRAMME, CASES_QUEUE)) == 2


async def test_a_job_whose_payload_ran_out_is_queued_again(store: Store) -> None:
    one = await accepted(store, "a")
    await store.redis.delete(f"arq:job:{job_id(one.id)}")

    assert await requeue(store, PROGRAMME, one.id) is True
    assert await store.redis.exists(f"arq:job:{job_id(one.id)}") == 1


async def test_a_running_job_is_left_alone(store: Store) -> None:
    one = await accepted(store, "a")
    await store.redis.delete(f"arq:job:{job_id(one.id)}")
    await store.redis.set(f"arq:in-progress:{job_id(one.id)}", b"1")

    assert await requeue(store, PROGRAMME, one.id) is False


async def test_an_ended_case_is_forgotten_by_the_sweeper(store: Store) -> None:
    one = await accepted(store, "a")
    await ended(store, one, State.FORWARDED)
    await store.redis.zadd(f"{{{PROGRAMME}}}:active", {one.id: 1})

    assert await requeue(store, PROGRAMME, one.id) is False
    assert await stale_cases(store, PROGRAMME, untouched_ms=0, most=10) == []


async def test_a_trace_comes_out_with_its_case_and_leaves_no_field_where_there_is_none(store: Store) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    traced, other = msgspec.structs.replace(application("a"), trace=traceparent), await accepted(store, "b")
    await apply(store, traced)
    await phone(store, traced, "a", "111111")
    await enter(store, traced, "111111")

    assert (await taken(store, traced)).trace == traceparent
    assert (await taken(store, other)).trace == ""
    assert await field(store, other, "trace") is None
