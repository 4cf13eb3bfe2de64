import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.domain.case import State
from gateway.inflight.status import tick
from gateway.inflight.steering import change_controls
from gateway.inflight.store import Store, open_redis
from gateway.operators.rehearsal.recorder import record_command, record_from_register
from gateway.operators.rehearsal.recording import Header, Reached, Source, read_recording
from gateway.register.entries import Step
from gateway.register.journal import Journal, open_journal
from gateway.register.migrate import migrate
from gateway.register.store import Store as RegisterStore
from gateway.register.store import open_store
from tests.integration.register.applicants import MIDSUMMER_2026_MS, new_entry
from tests.unit.operators.rehearsal.days import PROGRAMME

HEADER = Header(source=Source.REGISTER, programme=PROGRAMME, limit=25_000)


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/register.db"


@pytest.fixture
async def register(dsn: str) -> AsyncIterator[RegisterStore]:
    await migrate(dsn)
    store = open_store(dsn)
    yield store
    await store.close()


async def accept(store: RegisterStore, person: str, let_in_ms: int, *ends: tuple[State, int]) -> str:
    """Somebody let in so long after midsummer, accepted nine seconds later; `ends` count from acceptance."""
    let_in_ms += MIDSUMMER_2026_MS
    accepted_ms = let_in_ms + 9_001
    history = [Step(State.AWAITING_PHONE, let_in_ms), Step(State.ACCEPTED, accepted_ms)]
    entry = replace(
        new_entry("42500", accepted_at_ms=accepted_ms), person=person, history=history, phone_hash="c0" * 16
    )
    journal = Journal(store)
    await journal.register(entry)
    if ends:
        steps = [Step(state, accepted_ms + after_ms) for state, after_ms in ends]
        await journal.record(entry.application_id, steps, 1)
    return entry.application_id


FORWARDED = ((State.VERIFYING, 40), (State.FORWARDING, 50), (State.FORWARDED, 2_500))
REFUSED = ((State.VERIFYING, 40), (State.REFUSED, 700))


async def test_people_become_numbers_and_times_become_pauses(register: RegisterStore) -> None:
    await accept(register, "b0" * 16, 5_000, *REFUSED)
    await accept(register, "a0" * 16, 1_000, *FORWARDED)
    await accept(register, "b0" * 16, 60_000)

    recorded = await record_from_register(register, HEADER, 0, 2 * MIDSUMMER_2026_MS)

    assert [(one.at_ms, one.person) for one in recorded.arrivals] == [(0, 0), (4_000, 1), (59_000, 1)]
    assert {one.reached for one in recorded.arrivals} == {Reached.CODE}
    assert {(one.phone_ms, one.code_ms) for one in recorded.arrivals} == {(4_500, 4_501)}
    assert [one.service_ms for one in recorded.arrivals] == [2_500, 700, None]
    assert [one.is_refused for one in recorded.arrivals] == [False, True, False]
    # Whether they would have waited, and from where they came, the journal does not know.
    assert {(one.comes_back, one.address, one.waited_ms) for one in recorded.arrivals} == {(None, None, None)}


async def test_only_who_was_accepted_within_the_time_is_recorded(register: RegisterStore) -> None:
    for second in range(5):
        await accept(register, f"{second:032x}", second * 1_000)
    first_ms = MIDSUMMER_2026_MS + 9_001

    recorded = await record_from_register(register, HEADER, first_ms + 1_000, first_ms + 3_000)

    assert [one.at_ms for one in recorded.arrivals] == [0, 1_000]


async def test_another_programme_is_another_recording(register: RegisterStore) -> None:
    await accept(register, "a0" * 16, 0)
    await open_and_register(register, "p2")

    assert len((await record_from_register(register, HEADER, 0, 2 * MIDSUMMER_2026_MS)).arrivals) == 1


async def open_and_register(store: RegisterStore, programme: str) -> None:
    await Journal(store).register(new_entry(programme))


def serve(redis_url: str, limit: int) -> None:
    async def once() -> None:
        redis = open_redis(redis_url, 2_000)
        try:
            await tick(Store(redis), "42500", 25_000, 60_000)
            await change_controls(Store(redis), PROGRAMME, {"limit": limit, "inlet_per_second": 70}, {})
        finally:
            await redis.aclose()

    asyncio.run(once())


def run(*arguments: object) -> Result:
    return CliRunner().invoke(record_command, [str(argument) for argument in arguments])


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, redis_url: str, tmp_path: Path, dsn: str) -> None:
    monkeypatch.setenv("QABYLDAU_REDIS_URL", redis_url)
    monkeypatch.setenv("QABYLDAU_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("QABYLDAU_REGISTER_URL", dsn)


DAY = ("--since", "2026-06-01", "--until", "2026-07-01T12:30")


def test_a_day_is_recorded_with_the_limit_in_force_and_without_a_trace_of_anybody(
    environment: None, redis_url: str, dsn: str, tmp_path: Path
) -> None:
    asyncio.run(migrate(dsn))
    ids = asyncio.run(filled(dsn))
    serve(redis_url, 18_000)
    path = tmp_path / "day.jsonl"

    done = run("42500", path, *DAY)

    assert (done.exit_code, done.output) == (0, f"{path}: 2 applications\n")
    header = read_recording(path).header
    assert header.limit == 18_000
    assert header.programme.limits.inlet_per_second == 70
    written = path.read_text()
    for trace in ("a0a0", "b0b0", "c0c0", "5e5e", "abab", *(one.partition("-")[2] for one in ids)):
        assert trace not in written
    # Not even the moment at which somebody came.
    assert str(MIDSUMMER_2026_MS)[:6] not in written


async def filled(dsn: str) -> list[str]:
    journal = open_journal(dsn)
    store = journal._store
    try:
        return [await accept(store, "a0" * 16, 0, *FORWARDED), await accept(store, "b0" * 16, 70, *REFUSED)]
    finally:
        await journal.close()


def test_a_programme_that_nobody_serves_is_said(environment: None, dsn: str, tmp_path: Path) -> None:
    asyncio.run(migrate(dsn))

    done = run("42500", tmp_path / "day.jsonl", *DAY)

    assert done.exit_code == 1
    assert "no gateway has served" in done.output


def test_an_empty_day_is_said_and_leaves_no_file(
    environment: None, redis_url: str, dsn: str, tmp_path: Path
) -> None:
    asyncio.run(migrate(dsn))
    serve(redis_url, 18_000)

    done = run("42500", tmp_path / "day.jsonl", *DAY)

    assert done.exit_code == 1
    assert "nobody was accepted" in done.output
    assert not (tmp_path / "day.jsonl").exists()


def test_a_programme_that_is_not_there_is_a_wrong_call(environment: None, tmp_path: Path) -> None:
    assert run("no-such", tmp_path / "day.jsonl", *DAY).exit_code == 2
