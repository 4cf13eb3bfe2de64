import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, replace

import pytest
from sqlalchemy import Connection, delete, text, update
from sqlalchemy.exc import DBAPIError

from gateway.register import audit as audit_module
from gateway.register.audit import AuditTrail
from gateway.register.chain import GENESIS, Head, NewAuditLine, link
from gateway.register.migrate import migrate
from gateway.register.schema import audit, audit_head
from gateway.register.store import Store, open_store

LINES = 7


def line(number: int, actor: str = "aigul") -> NewAuditLine:
    return NewAuditLine(
        at_ms=1_800_000_000_000 + number,
        actor=actor,
        role="operator",
        action="change",
        outcome="done",
        programme="42500",
        subject=str(number),
        reason="Толқын басталды",
        details={"new": {"limit": number}, "old": {"limit": 0}},
    )


@pytest.fixture
async def store(empty_dsn: str) -> AsyncIterator[Store]:
    """A trail is one for all programmes, so each test has a database of its own."""
    await migrate(empty_dsn)
    store = open_store(empty_dsn)
    yield store
    await store.close()


@pytest.fixture
async def trail(store: Store, monkeypatch: pytest.MonkeyPatch) -> AuditTrail:
    """Seven lines, checked in pieces of three."""
    monkeypatch.setattr(audit_module, "_PIECE", 3)
    trail = AuditTrail(store)
    for number in range(1, LINES + 1):
        await trail.append(line(number))
    return trail


async def tamper(store: Store, work: Callable[[Connection], object]) -> None:
    """As somebody does who may do everything in the database."""

    def unguarded(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            for verb in ("UPDATE", "DELETE"):
                connection.execute(text(f"DROP TRIGGER audit_keeps_{verb}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_keeps"))
        work(connection)

    await store.write(unguarded)


async def test_an_untouched_trail_holds(trail: AuditTrail) -> None:
    found = await trail.verify()

    newest = (await trail.read(limit=1))[0]
    assert found.broken is None
    assert found.head == Head(LINES, newest.hash)


async def test_an_empty_trail_holds(store: Store) -> None:
    assert await AuditTrail(store).verify() == audit_module.Verification(None, Head(0, GENESIS))


async def test_lines_are_read_newest_first_and_in_pages(trail: AuditTrail) -> None:
    pages = [await trail.read(limit=3)]
    while pages[-1]:
        pages.append(await trail.read(before=pages[-1][-1].sequence, limit=3))

    assert [[one.sequence for one in page] for page in pages] == [[7, 6, 5], [4, 3, 2], [1], []]
    assert pages[0][0].reason == "Толқын басталды"
    assert pages[0][0].known_details == {"old": {"limit": 0}, "new": {"limit": LINES}}


async def test_a_change_that_was_made_is_found_by_its_line_and_by_its_request(trail: AuditTrail) -> None:
    request = await trail.append(replace(line(0), outcome="requested", subject=None))
    done = await trail.append(replace(line(0), subject=str(request.sequence)))
    await trail.append(replace(line(0), action="log_in", subject=str(done.sequence)))

    assert await trail.find_change(request.sequence) == done
    assert await trail.find_change(done.sequence) == done
    assert await trail.find_change(99) is None


async def test_a_head_that_was_edited_is_found(trail: AuditTrail, store: Store) -> None:
    await tamper(store, lambda connection: connection.execute(update(audit_head).values(hash="ab" * 32)))

    assert (await trail.verify()).broken == LINES


@pytest.mark.parametrize(
    "field",
    ["at_ms", "actor", "role", "action", "programme", "subject", "details", "reason", "outcome", "hash"],
)
async def test_an_edited_line_is_found_whatever_was_edited(
    trail: AuditTrail, store: Store, field: str
) -> None:
    value: object = 1 if field == "at_ms" else "x"
    is_fourth = audit.c.sequence == 4
    await tamper(
        store, lambda connection: connection.execute(update(audit).where(is_fourth).values({field: value}))
    )

    assert (await trail.verify()).broken == 4


async def test_a_line_rewritten_with_a_hash_that_fits_it_is_found_by_the_next(
    trail: AuditTrail, store: Store
) -> None:
    third = (await trail.read(before=4, limit=1))[0]
    forged = link(line(4, actor="somebody"), Head(3, third.hash))
    values = {"actor": "somebody", "hash": forged.hash}
    is_fourth = audit.c.sequence == 4
    await tamper(store, lambda connection: connection.execute(update(audit).where(is_fourth).values(values)))

    assert (await trail.verify()).broken == 5


@pytest.mark.parametrize("missing", range(1, LINES + 1))
async def test_a_missing_line_is_found_the_last_one_too(
    trail: AuditTrail, store: Store, missing: int
) -> None:
    gone = delete(audit).where(audit.c.sequence == missing)
    await tamper(store, lambda connection: connection.execute(gone))

    assert (await trail.verify()).broken == missing


async def test_lines_that_changed_places_are_found(trail: AuditTrail, store: Store) -> None:
    def swap(connection: Connection) -> None:
        for old, new in ((2, 99), (5, 2), (99, 5)):
            connection.execute(update(audit).where(audit.c.sequence == old).values(sequence=new))

    await tamper(store, swap)

    assert (await trail.verify()).broken == 2


async def test_a_trail_cut_off_at_the_end_is_found(trail: AuditTrail, store: Store) -> None:
    await tamper(store, lambda connection: connection.execute(delete(audit).where(audit.c.sequence > 5)))

    assert (await trail.verify()).broken == 6


async def test_a_trail_emptied_with_its_head_is_found_by_a_head_kept_elsewhere(
    trail: AuditTrail, store: Store
) -> None:
    kept_elsewhere = (await trail.verify()).head

    def empty(connection: Connection) -> None:
        connection.execute(delete(audit))
        connection.execute(update(audit_head).values(sequence=0, hash=GENESIS))

    await tamper(store, empty)

    assert (await trail.verify()).broken is None
    assert (await trail.verify(kept_elsewhere)).broken == 1


async def test_a_trail_rewritten_as_a_whole_is_found_by_a_head_kept_elsewhere(
    trail: AuditTrail, store: Store
) -> None:
    kept_elsewhere = (await trail.verify()).head

    def rewrite(connection: Connection) -> None:
        connection.execute(delete(audit))
        connection.execute(update(audit_head).values(sequence=0, hash=GENESIS))

    await tamper(store, rewrite)
    for number in range(1, LINES + 3):
        await trail.append(line(number, actor="somebody"))

    assert (await trail.verify()).broken is None
    assert (await trail.verify(kept_elsewhere)).broken == LINES


async def test_a_line_put_in_behind_the_head_is_found(trail: AuditTrail, store: Store) -> None:
    newest = (await trail.read(limit=1))[0]
    forged = link(line(8), Head(LINES, newest.hash))

    def put_in(connection: Connection) -> None:
        connection.execute(audit.insert().values(asdict(forged)))

    await tamper(store, put_in)

    assert (await trail.verify()).broken == 8


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'somebody'", "DELETE FROM audit"])
async def test_the_database_itself_refuses_to_change_a_line(
    trail: AuditTrail, store: Store, statement: str
) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        await store.write(lambda connection: connection.execute(text(statement)))

    assert (await trail.verify()).broken is None


async def test_lines_written_at_once_by_several_processes_make_one_chain(
    empty_dsn: str, store: Store
) -> None:
    other = open_store(empty_dsn)
    trails = [AuditTrail(store), AuditTrail(other)]

    lines = await asyncio.gather(*(trails[number % 2].append(line(number)) for number in range(40)))
    await other.close()

    assert sorted(one.sequence for one in lines) == list(range(1, 41))
    assert (await trails[0].verify()).broken is None
