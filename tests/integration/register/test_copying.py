"""The register is copied while it is written to, and put where there is none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.domain.case import State
from gateway.register.copying import RegisterNotCopied, copy_register, put_register
from gateway.register.journal import Journal, open_journal
from gateway.register.migrate import migrate
from tests.integration.register.applicants import FORWARDED, new_entry, register_one
from tests.integration.register.conftest import create_database


@pytest.fixture
def another_dsn(empty_dsn: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if empty_dsn.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/another.db"
    return create_database(request.getfixturevalue("postgres"))


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Journal]:
    journal = open_journal(dsn)
    try:
        yield journal
    finally:
        await journal.close()


async def copied(dsn: str, tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    folder.mkdir()
    try:
        await copy_register(dsn, folder)
    except RegisterNotCopied as reason:
        pytest.skip(f"this machine's PostgreSQL client does not do: {reason}")
    return folder


async def test_a_copy_put_elsewhere_holds_the_same(
    empty_dsn: str, another_dsn: str, programme: str, tmp_path: Path
) -> None:
    await migrate(empty_dsn)
    async with opened(empty_dsn) as journal:
        one = await register_one(journal, programme, *FORWARDED)
        folder = await copied(empty_dsn, tmp_path)
        await register_one(journal, programme)

    await put_register(another_dsn, folder)

    async with opened(another_dsn) as copy:
        assert await copy.get(one.application_id) == one
        assert await copy.states(programme) == {State.FORWARDED: 1}
        assert await copy.register(new_entry(programme)) == one.number[:-1] + "2"


async def test_a_register_that_is_there_is_not_overwritten(
    empty_dsn: str, another_dsn: str, tmp_path: Path
) -> None:
    await migrate(empty_dsn)
    await migrate(another_dsn)
    folder = await copied(empty_dsn, tmp_path)

    with pytest.raises(RegisterNotCopied, match="already"):
        await put_register(another_dsn, folder)


async def test_a_copy_of_another_kind_of_database_is_refused(empty_dsn: str, tmp_path: Path) -> None:
    with pytest.raises(RegisterNotCopied, match="another kind"):
        await put_register(empty_dsn, tmp_path)


async def test_without_the_client_of_postgresql_that_is_said(
    empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if empty_dsn.startswith("sqlite"):
        pytest.skip("SQLite is copied without a client of its own")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RegisterNotCopied, match="there is no pg_dump here"):
        await copy_register(empty_dsn, tmp_path)


async def test_an_adopted_number_is_given_to_nobody_else(journal: Journal, programme: str) -> None:
    adopted = new_entry(programme)

    await journal.adopt(adopted, 41)
    await journal.adopt(adopted, 7)

    assert await journal.register(adopted) == f"{programme}-2026-0000041"
    assert await journal.register(new_entry(programme)) == f"{programme}-2026-0000042"


async def test_numbers_that_somebody_else_has_are_passed_over(journal: Journal, programme: str) -> None:
    await journal.pass_over(programme, 2026, 5)
    await journal.pass_over(programme, 2026, 3)

    assert await journal.register(new_entry(programme)) == f"{programme}-2026-0000006"


async def test_what_had_a_step_since_is_listed_in_the_order_of_the_last(
    journal: Journal, programme: str
) -> None:
    late = await register_one(journal, programme, *FORWARDED)
    early = await register_one(journal, programme)

    assert [one.application_id for one in await journal.touched_since(programme, 2)] == [
        early.application_id,
        late.application_id,
    ]
    assert [one.state for one in await journal.touched_since(programme, 3)] == [State.FORWARDED]
    assert await journal.touched_since(programme, 6) == []
