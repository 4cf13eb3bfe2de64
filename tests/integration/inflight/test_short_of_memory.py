"""What Redis's last memory is for: those who are in."""

from collections.abc import AsyncIterator

import pytest

from gateway.inflight.confirmation import ConfirmOutcome, PhoneOutcome
from gateway.inflight.figures import read_figures
from gateway.inflight.status import tick
from gateway.inflight.store import Store, StoreUnavailable
from tests.integration.inflight.people import KEPT_MS, PROGRAMME, admitted, enter, phone

# So much that nothing else matters.
BALLAST_BYTES = 50_000_000


@pytest.fixture
async def store(store: Store) -> AsyncIterator[Store]:
    await store.redis.set("ballast", b"x" * BALLAST_BYTES)
    yield store
    await store.redis.config_set("maxmemory", 0)


async def use(store: Store, percent: int) -> None:
    """Give Redis so much memory that this part of it is used, and let a gateway see it."""
    used: int = (await store.redis.info("memory"))["used_memory"]
    await store.redis.config_set("maxmemory", used * 100 // percent)
    await tick(store, PROGRAMME, 3, KEPT_MS)


async def told(store: Store) -> int:
    found = await read_figures(store, PROGRAMME)
    assert found is not None
    return found.short_of_memory


async def test_nobody_new_is_let_in_once_nine_tenths_are_used(store: Store) -> None:
    await use(store, 88)
    await admitted(store, "a")
    plenty = await told(store)
    await use(store, 92)

    with pytest.raises(StoreUnavailable, match="OutOfMemory"):
        await admitted(store, "b")
    assert (plenty, await told(store)) == (0, 1)


async def test_whoever_is_in_goes_on_in_the_last_tenth(store: Store) -> None:
    one = await admitted(store, "a")
    await use(store, 95)

    assert (await phone(store, one, "number", "111111")).outcome is PhoneOutcome.SENT
    assert (await enter(store, one, "111111")).outcome is ConfirmOutcome.ACCEPTED


async def test_people_are_let_in_again_when_there_is_memory(store: Store) -> None:
    await use(store, 95)
    await use(store, 50)

    await admitted(store, "a")


async def test_memory_without_a_bound_is_never_short(store: Store) -> None:
    await store.redis.config_set("maxmemory", 0)
    await tick(store, PROGRAMME, 3, KEPT_MS)

    await admitted(store, "a")
    assert await told(store) == 0
