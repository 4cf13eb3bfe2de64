import asyncio

from gateway.domain.case import State
from gateway.inflight.admission import (
    Admission,
    AdmissionDesk,
    Admitted,
    Full,
    IdempotencyConflict,
    Repeated,
    TooManyCandidates,
    admit,
)
from gateway.inflight.library import load_library
from gateway.inflight.status import look, probe, tick
from gateway.inflight.store import Store
from tests.integration.inflight.people import (
    KEPT_MS,
    LEASE_MS,
    PROGRAMME,
    accepted,
    admission_rules,
    admitted,
    application,
    apply,
    keyed,
    live,
    pass_time,
)


async def test_the_last_slot_is_given_and_not_one_more(store: Store) -> None:
    for person in ("a", "b", "c"):
        await admitted(store, person)

    assert isinstance(await apply(store, application("d")), Full)
    assert await live(store) == 3


async def test_a_batch_is_decided_in_order_and_each_item_alone(store: Store) -> None:
    people = [application(name) for name in "abcd"]

    decisions = await admit(store, PROGRAMME, admission_rules(3), people)

    assert [type(one) for one in decisions] == [Admitted, Admitted, Admitted, Full]


async def test_one_person_takes_one_slot_however_often_they_apply(store: Store) -> None:
    first, second = await admitted(store, "a"), await admitted(store, "a")

    assert first.id != second.id
    assert await live(store) == 1


async def test_the_sixth_candidate_of_a_person_is_told_when_to_come_back(store: Store) -> None:
    for _ in range(5):
        await admitted(store, "a")

    refused = await apply(store, application("a"))

    assert isinstance(refused, TooManyCandidates)
    assert 0 < refused.retry_after_ms <= LEASE_MS


async def test_a_full_door_lets_the_same_person_through_but_tells_a_stranger_nothing(store: Store) -> None:
    for person in ("a", "b", "c"):
        await admitted(store, person)

    assert isinstance(await apply(store, application("a", iban="own")), Admitted)
    assert isinstance(await apply(store, application("a", iban="another")), Full)
    assert isinstance(await apply(store, application("stranger")), Full)


async def test_whoever_has_applied_is_answered_like_a_stranger_and_takes_nothing(store: Store) -> None:
    await accepted(store, "a")

    again = await apply(store, application("a", iban="another"))

    assert isinstance(again, Admitted)
    assert await live(store) == 1


async def test_the_same_key_and_body_give_the_same_answer(store: Store) -> None:
    first = application("a", key="k")
    expires_at_ms = (await apply(store, first)).expires_at_ms  # type: ignore[union-attr]  # It is admitted.

    again = await apply(store, application("a", key="k"))

    assert again == Repeated(first.id, b"sealed receipt", expires_at_ms)
    assert await live(store) == 1


async def test_the_same_key_with_another_body_is_a_conflict(store: Store) -> None:
    await apply(store, application("a", key="k"))

    assert await apply(store, application("b", key="k")) == IdempotencyConflict()


async def test_a_refusal_is_not_remembered_under_the_key(store: Store) -> None:
    one = application("a", key="k")
    assert isinstance(await apply(store, one, limit=0), Full)
    await store.redis.hset(f"{{{PROGRAMME}}}:door", "limit", "1")  # type: ignore[misc]  # Typed for both.

    assert isinstance(await apply(store, application("a", key="k")), Admitted)


async def test_the_same_call_sent_twice_by_a_broken_connection_is_one_application(store: Store) -> None:
    one = application("a")

    assert await apply(store, one) == await apply(store, one)
    assert await live(store) == 1


async def test_an_unconfirmed_lease_lapses_by_itself_and_its_slot_returns(store: Store) -> None:
    one = await admitted(store, "a", limit=1)

    await pass_time(store, LEASE_MS + 1)

    sight = await look(store, PROGRAMME, one.id)
    assert sight is not None
    assert [step.state for step in sight.history] == [State.AWAITING_PHONE, State.LAPSED]
    assert await live(store) == 0
    assert isinstance(await apply(store, application("b"), limit=1), Admitted)


async def test_a_lapsed_slot_is_free_even_before_anything_has_swept_it(store: Store) -> None:
    await admitted(store, "a", limit=1, lease_before_phone_ms=1)
    await asyncio.sleep(0.005)

    assert isinstance(await apply(store, application("b"), limit=1), Admitted)


async def test_nothing_of_a_lapsed_application_stays_readable(store: Store) -> None:
    one = await admitted(store, "a")

    await pass_time(store, LEASE_MS + 1)

    assert await store.redis.hexists(f"{{{PROGRAMME}}}:case:{one.id}", "body") is False  # type: ignore[misc]  # As above.
    assert await store.redis.exists(f"{{{PROGRAMME}}}:person:{keyed('a')}") == 0
    assert 0 < await store.redis.pttl(f"{{{PROGRAMME}}}:case:{one.id}") <= KEPT_MS


async def test_a_share_for_the_unconfirmed_keeps_the_rest_free(store: Store) -> None:
    await admitted(store, "a", limit=4, unconfirmed_share_percent=50)
    await admitted(store, "b", limit=4, unconfirmed_share_percent=50)

    assert isinstance(await apply(store, application("c"), limit=4, unconfirmed_share_percent=50), Full)


async def test_a_limit_set_before_outlives_the_seed(store: Store) -> None:
    await tick(store, PROGRAMME, 7, KEPT_MS)

    assert (await tick(store, PROGRAMME, 25_000, KEPT_MS)).limit == 7


async def test_a_lowered_limit_evicts_nobody_and_admits_nobody(store: Store) -> None:
    for person in ("a", "b", "c"):
        await admitted(store, person)
    await store.redis.hset(f"{{{PROGRAMME}}}:door", "limit", "1")  # type: ignore[misc]  # As above.

    assert isinstance(await apply(store, application("d")), Full)
    assert await live(store) == 3


async def test_a_step_of_the_machines_clock_by_an_hour_moves_no_lease(store: Store) -> None:
    one = await admitted(store, "a")
    for step_ms in (-3_600_000, 3_600_000):
        await store.redis.hincrby(f"{{{PROGRAMME}}}:door", "raw", step_ms)  # type: ignore[misc]  # As above.
        await live(store)

    sight = await look(store, PROGRAMME, one.id)

    assert sight is not None
    assert sight.state is State.AWAITING_PHONE
    assert await live(store) == 1


async def test_the_lost_library_heals_itself(store: Store) -> None:
    await admitted(store, "a")
    await store.redis.execute_command("FUNCTION", "FLUSH", "SYNC")

    await admitted(store, "b")

    assert await live(store) == 2


async def test_the_desk_asks_redis_once_for_a_turn_of_the_loop(store: Store) -> None:
    desk = AdmissionDesk(store, PROGRAMME, admission_rules(40))
    await probe(store)
    before = (await store.redis.info("commandstats"))["cmdstat_fcall"]["calls"]

    decisions = await asyncio.gather(*(desk.admit(application(f"p{n}")) for n in range(50)))

    after = (await store.redis.info("commandstats"))["cmdstat_fcall"]["calls"]
    assert [type(one) for one in decisions] == [Admitted] * 40 + [Full] * 10
    assert after - before == 2


def test_the_items_of_a_batch_are_written_as_the_function_reads_them() -> None:
    assert load_library().verbs["admit"].item == Admission.__struct_fields__


async def test_every_caller_hears_when_redis_is_gone(store: Store) -> None:
    desk = AdmissionDesk(store, PROGRAMME, admission_rules())
    store.redis.connection_pool.connection_kwargs["port"] = 1

    answers = await asyncio.gather(*(desk.admit(application(name)) for name in "ab"), return_exceptions=True)

    assert [type(one).__name__ for one in answers] == ["StoreUnavailable", "StoreUnavailable"]
