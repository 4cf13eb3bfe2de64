from collections.abc import AsyncIterator

import pytest

from gateway.inflight.store import Store, open_redis
from tests.integration.inflight.people import serve

# What a machine asserts is as worth explaining as what a test does.
pytest.register_assert_rewrite("tests.integration.inflight.machines")


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    redis = open_redis(redis_url, timeout_ms=2000)
    yield Store(redis)
    await redis.aclose()


@pytest.fixture
async def door(store: Store) -> Store:
    """A programme that is served, with the file's limit."""
    await serve(store)
    return store
