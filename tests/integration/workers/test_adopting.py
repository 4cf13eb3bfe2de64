"""After a restore E-Maket knows of cases, and of numbers, that we have lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.domain.case import State
from gateway.register.journal import open_journal
from gateway.register.migrate import migrate
from tests.integration.workers.world import World, made_up_iins
from workers.adopting import Adopted, adopt
from workers.reconciliation import fetch_effects, reconcile


@pytest.fixture
async def restored(world: World, tmp_path: Path) -> AsyncIterator[World]:
    """The same world with a register from before anything was registered."""
    dsn = f"sqlite:///{tmp_path}/older.db"
    await migrate(dsn)
    journal = open_journal(dsn)
    yield msgspec.structs.replace(world, tools=msgspec.structs.replace(world.tools, journal=journal))
    await journal.close()


async def forwarded_after_the_backup(world: World, iins: list[str]) -> list[str]:
    """Cases that are processed to the end; then Redis is as it was before."""
    people = [await world.accept(iin) for iin in iins]
    redis = world.tools.store.redis
    kept = {key: await redis.dump(key) for key in await redis.keys("*")}
    for one in people:
        await world.process(one)
    await redis.flushdb()
    for key, value in kept.items():
        await redis.restore(key, 0, value)
    return people


async def adopted(world: World) -> Adopted:
    return await adopt(world.tools, await fetch_effects(world.session, world.settings.e_maket_base_url))


async def test_a_case_forwarded_after_the_backup_keeps_its_number_and_takes_effect_once(
    world: World, restored: World
) -> None:
    people = await forwarded_after_the_backup(world, made_up_iins(3))
    numbers = [await number(world, one) for one in people]

    assert await adopted(restored) == Adopted(3, [])
    for one in reversed(people):
        await restored.process(one)

    assert [await number(restored, one) for one in people] == numbers
    assert await restored.effects() == dict.fromkeys(people, 1)
    for one in people:
        assert await restored.states(one) == (State.FORWARDED, State.FORWARDED)
    effects = await fetch_effects(restored.session, restored.settings.e_maket_base_url)
    assert (await reconcile(restored.tools, effects)).agree()


async def test_a_number_that_only_e_maket_knows_is_given_to_nobody_else(
    world: World, restored: World
) -> None:
    lost = await forwarded_after_the_backup(world, made_up_iins(2))
    await world.tools.store.redis.flushdb()

    assert await adopted(restored) == Adopted(0, sorted(lost))
    assert await adopted(restored) == Adopted(0, sorted(lost))

    one = await restored.accept("900101300522")
    await restored.process(one)
    given = {await number(world, other) for other in lost}
    assert await number(restored, one) == f"42500-{max(given).split('-')[1]}-0000003"


async def number(world: World, application_id: str) -> str:
    entry = await world.tools.journal.get(application_id)
    assert entry is not None
    return entry.number
