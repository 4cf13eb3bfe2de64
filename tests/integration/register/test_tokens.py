import secrets
from collections.abc import AsyncIterator

import pytest

from gateway.register.schema import tokens as table
from gateway.register.store import Store, open_store
from gateway.register.tokens import Holder, NameTaken, Role, Tokens

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000


@pytest.fixture
async def store(dsn: str) -> AsyncIterator[Store]:
    store = open_store(dsn)
    yield store
    await store.close()


@pytest.fixture
def tokens(store: Store) -> Tokens:
    return Tokens(store)


@pytest.fixture
def name() -> str:
    return f"aigul-{secrets.token_hex(4)}"


async def test_who_holds_a_token_is_found_by_it(tokens: Tokens, name: str) -> None:
    token = await tokens.create(name, Role.OPERATOR, NOW_MS, NOW_MS + HOUR_MS)

    assert len(token) == 43
    assert await tokens.find(token, NOW_MS) == Holder(name, Role.OPERATOR, NOW_MS, NOW_MS + HOUR_MS, None)


@pytest.mark.parametrize("guess", ["", "x" * 43, "қ", "\udcff", "x" * 100_000])
async def test_what_is_no_token_finds_nobody(tokens: Tokens, guess: str) -> None:
    assert await tokens.find(guess, NOW_MS) is None


async def test_a_token_ends_at_its_time(tokens: Tokens, name: str) -> None:
    token = await tokens.create(name, Role.VIEWER, NOW_MS, NOW_MS + HOUR_MS)

    assert await tokens.find(token, NOW_MS + HOUR_MS - 1) is not None
    assert await tokens.find(token, NOW_MS + HOUR_MS) is None


async def test_a_revoked_token_finds_nobody_from_then_on(tokens: Tokens, name: str) -> None:
    token = await tokens.create(name, Role.VIEWER, NOW_MS, NOW_MS + HOUR_MS)

    assert await tokens.revoke(name, NOW_MS + 1)

    assert await tokens.find(token, NOW_MS + 2) is None
    assert not await tokens.revoke(name, NOW_MS + 3)


async def test_nobody_gets_a_second_token_beside_a_valid_one(tokens: Tokens, name: str) -> None:
    await tokens.create(name, Role.VIEWER, NOW_MS, NOW_MS + HOUR_MS)

    with pytest.raises(NameTaken):
        await tokens.create(name, Role.OPERATOR, NOW_MS, NOW_MS + HOUR_MS)


@pytest.mark.parametrize("ending", ["revoked", "over"])
async def test_a_name_whose_token_has_ended_gets_another(tokens: Tokens, name: str, ending: str) -> None:
    first = await tokens.create(name, Role.VIEWER, NOW_MS, NOW_MS + HOUR_MS)
    if ending == "revoked":
        await tokens.revoke(name, NOW_MS + 1)
    later_ms = NOW_MS + 2 * HOUR_MS

    second = await tokens.create(name, Role.OPERATOR, later_ms, later_ms + HOUR_MS)

    assert await tokens.find(first, later_ms) is None
    assert (await tokens.find(second, later_ms)) is not None
    assert [holder.role for holder in await tokens.list() if holder.name == name] == ["operator", "viewer"]


async def test_the_token_itself_is_nowhere_in_the_register(tokens: Tokens, store: Store, name: str) -> None:
    token = await tokens.create(name, Role.VIEWER, NOW_MS, NOW_MS + HOUR_MS)

    rows = await store.read(lambda connection: connection.execute(table.select()).all())

    assert token not in repr(rows)
