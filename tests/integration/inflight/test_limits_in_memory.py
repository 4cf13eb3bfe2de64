"""What limits keep in memory, and when it goes."""

import asyncio

from gateway.inflight.store import Store
from tests.integration.inflight.people import PROGRAMME, application, keyed, phone
from tests.integration.inflight.stopped_clock import SECOND_MS, THREE, knock, newcomers, refresh, set_clock

RATES = f"{{{PROGRAMME}}}:rate:*"


async def time_ms(store: Store) -> int:
    seconds, microseconds = await store.redis.time()
    return int(seconds * 1000 + microseconds // 1000)


async def test_what_is_kept_of_a_limit_goes_by_itself_three_windows_after_the_first(store: Store) -> None:
    before = await time_ms(store)
    await knock(store, *newcomers(2), address_limit=THREE, person_limit="1:1000:0")
    after = await time_ms(store)

    ends = {
        name.split(b":")[2]: await store.redis.pexpiretime(name)  # type: ignore[misc]  # redis-py types one method for sync and async.
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
    await phone(store, one, "+77010000001", "code", phone_limit=short, block_limit=short)

    while await store.redis.keys(RATES):  # noqa: ASYNC110 - Valkey tells nobody of an end.
        await asyncio.sleep(0.005)
