"""Records of versions before this one are read, and go their way to the end."""

import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from config.keys import load_keys
from config.settings import Settings
from gateway.domain.case import State
from gateway.domain.tickets import Place, read_ticket
from gateway.inflight.confirmation import ConfirmOutcome, confirm
from gateway.register.migrate import migrate
from loadtests.standins.app import create_standins
from tests.integration.versions.record import CODE, RECEIPT_HASH, TABLES, record
from tests.integration.workers.conftest import settings
from tests.integration.workers.world import PASSES, PHONE_RULES, World
from workers.main import open_tools
from workers.recovery import unpark_due
from workers.steps.send_code import send_code

__all__ = ["settings"]

FOLDER = Path(__file__).parent


@pytest.fixture(params=sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text())
    return found


@pytest.fixture
async def world(recorded: dict[str, Any], settings: Settings) -> AsyncIterator[World]:
    """This version upon the stores that the other left."""
    settings.keys_path.write_text(recorded["keys"])
    await migrate(settings.register_dsn)
    fill_register(settings.data_dir / "register.db", recorded["register"])
    keys = load_keys(settings.keys_path)
    standins = web.AppRunner(create_standins("http://127.0.0.1:1", keys.webhook, decide_after_ms=3_600_000))
    await standins.setup()
    await web.TCPSite(standins, "127.0.0.1", settings.standins_port).start()
    async with open_tools(settings) as opened:
        await fill_redis(opened.programmes[0].store.redis, recorded["redis"])
        yield World(opened.programmes[0], settings, opened.session)
    await standins.cleanup()


async def fill_redis(redis: Redis, records: dict[str, Any]) -> None:
    for key, content in records.items():
        if isinstance(content, dict):
            await redis.hset(key, mapping={name: base64.b64decode(value) for name, value in content.items()})  # type: ignore[misc]  # redis-py types one method for sync and async.
        elif isinstance(content, list):
            await redis.zadd(key, dict(content))
        else:
            await redis.set(key, base64.b64decode(content))


def fill_register(path: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for table in TABLES:
            for row in tables[table]:
                names, places = ", ".join(row), ", ".join("?" * len(row))
                values = [
                    base64.b64decode(value) if name.startswith("sealed") and value else value
                    for name, value in row.items()
                ]
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", values)  # noqa: S608 - The names are our own.
        connection.commit()


async def test_an_accepted_case_is_forwarded(world: World, recorded: dict[str, Any]) -> None:
    one = recorded["cases"]["accepted"]

    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)
    assert await world.effects() == {one: 1}


async def test_a_parked_case_comes_back_and_is_forwarded(world: World, recorded: dict[str, Any]) -> None:
    one = recorded["cases"]["parked"]

    assert await unpark_due(world.tools) == 1
    await world.process(one)

    assert await world.states(one) == (State.FORWARDED, State.FORWARDED)


async def test_a_code_that_waits_is_sent_and_confirms(world: World, recorded: dict[str, Any]) -> None:
    one, ring = recorded["cases"]["lease"], world.tools.keyring

    await send_code({"tools": world.tools, "job_try": 1}, one)
    answer = await confirm(
        world.tools.store, "42500", PHONE_RULES, (one, RECEIPT_HASH), ring.code_hash(one, CODE)
    )

    assert CODE in (await world.inbox())[-1]
    assert answer.outcome is ConfirmOutcome.ACCEPTED


async def test_a_ticket_is_still_ours(world: World, recorded: dict[str, Any]) -> None:
    ticket = read_ticket(recorded["ticket"], world.tools.keyring.verify)

    assert ticket is not None
    assert ticket.place == Place(lane=0, number=7, again=False, epoch=1)
    assert world.tools.keyring.person("42500", PASSES).startswith(ticket.person)


async def test_the_newest_recording_has_the_records_of_this_version(redis_url: str, tmp_path: Path) -> None:
    """Red: records have changed. Keep the file under another name, so that it is read on, and record."""
    newest = json.loads((FOLDER / "records.json").read_text())

    today = await record(tmp_path, redis_url)

    assert shape(today) == shape(newest)


def shape(recorded: dict[str, Any]) -> dict[str, Any]:
    """The fields of the records and of the door, and the register's columns."""
    fields = {
        name: sorted(recorded["redis"][f"{{42500}}:case:{recorded['cases'][name]}"])
        for name in ("accepted", "lease")
    }
    columns = {table: sorted(rows[0]) for table, rows in recorded["register"].items()}
    versions = {row["record_version"] for row in recorded["register"]["applications"]}
    return {**fields, "door": sorted(recorded["redis"]["{42500}:door"]), **columns, "versions": versions}
