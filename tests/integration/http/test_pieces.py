import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from gateway.http.pieces import SpentPieces
from gateway.inflight.store import Store, StoreUnavailable, open_redis
from gateway.inflight.waiting import NUMBERS_PER_PIECE
from supervisor.valkey import ValkeyProcess

EPOCH, FLOOR = 7, 10**6


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(redis_url, 500)
    yield redis
    await redis.aclose()


@pytest.fixture
def pieces(redis: Redis) -> SpentPieces:
    return SpentPieces(Store(redis), "42500")


async def fetches(redis: Redis) -> int:
    stats = await redis.info("commandstats")
    return int(stats.get("cmdstat_getrange", {}).get("calls", 0))


async def test_all_who_ask_share_one_fetch(redis: Redis, pieces: SpentPieces) -> None:
    await redis.setbit("{42500}:spent0", 3, 1)
    before = await fetches(redis)

    came = await asyncio.gather(*(pieces.has_come(EPOCH, 0, number % 5, FLOOR) for number in range(100)))

    assert came == [number % 5 == 3 for number in range(100)]
    assert not await pieces.has_come(EPOCH, 0, NUMBERS_PER_PIECE - 1, FLOOR)
    assert await fetches(redis) == before + 1


async def test_lanes_lines_and_pieces_are_told_apart(redis: Redis, pieces: SpentPieces) -> None:
    number = NUMBERS_PER_PIECE + 9
    assert not await pieces.has_come(EPOCH, 1, number, FLOOR)
    await redis.setbit("{42500}:spent1", number, 1)

    assert not await pieces.has_come(EPOCH, 1, number, FLOOR)
    assert not await pieces.has_come(EPOCH, 0, number, FLOOR)
    assert not await pieces.has_come(EPOCH, 1, 9, FLOOR)
    assert await pieces.has_come(EPOCH + 1, 1, number, FLOOR)


async def test_a_number_that_was_in_its_turn_then_is_looked_up_again(
    redis: Redis, pieces: SpentPieces
) -> None:
    assert not await pieces.has_come(EPOCH, 0, 9, 10)
    await redis.setbit("{42500}:spent0", 20, 1)

    assert await pieces.has_come(EPOCH, 0, 20, 21)


async def test_a_piece_is_fetched_anew_after_a_while(
    redis: Redis, pieces: SpentPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not await pieces.has_come(EPOCH, 0, 1, FLOOR)
    await redis.setbit("{42500}:spent0", 1, 1)
    monkeypatch.setattr("gateway.http.pieces.KEPT_SECONDS", 0.0)

    assert await pieces.has_come(EPOCH, 0, 1, FLOOR)


async def test_the_oldest_piece_makes_room(
    redis: Redis, pieces: SpentPieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.http.pieces.MOST_PIECES", 2)
    for piece in range(3):
        await pieces.has_come(EPOCH, 0, piece * NUMBERS_PER_PIECE, FLOOR)
    before = await fetches(redis)

    await pieces.has_come(EPOCH, 0, 2 * NUMBERS_PER_PIECE, FLOOR)
    assert await fetches(redis) == before
    await pieces.has_come(EPOCH, 0, 0, FLOOR)
    assert await fetches(redis) == before + 1


async def test_a_failed_fetch_is_not_kept(pieces: SpentPieces, valkey: ValkeyProcess) -> None:
    valkey.kill()
    with pytest.raises(StoreUnavailable):
        await pieces.has_come(EPOCH, 0, 1, FLOOR)
    valkey.start()

    assert not await pieces.has_come(EPOCH, 0, 1, FLOOR)
