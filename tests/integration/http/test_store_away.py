import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager

import httpx
import pytest

from config.keys import Keys
from config.settings import Settings
from supervisor.valkey import ValkeyProcess
from tests.integration.http.fund import decision, tell
from tests.integration.http.journey import PROGRAMME, Journey, form, new_phone
from tests.integration.http.lost_receipts import ask, sent_code

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"


async def test_without_redis_everything_says_when_to_come_back(
    journey: Journey, valkey: ValkeyProcess
) -> None:
    application, number = await journey.forwarded()
    await journey.client.get("/health/live")
    valkey.kill()

    replies = [
        await journey.client.post(APPLICATIONS, json=form()),
        await journey.give_phone(application, new_phone()),
        await journey.confirm(application, "123456"),
        await journey.client.get(f"/v1/applications/{application.id}", headers=application.bearer),
        await ask(journey, number, new_phone()),
        await ask(journey, number, new_phone(), code="123456"),
        await journey.client.get("/health/ready"),
    ]

    assert {reply.status_code for reply in replies} == {503}
    assert {reply.json()["code"] for reply in replies} == {"store_unavailable"}
    assert all(1 <= int(reply.headers["retry-after"]) <= 5 for reply in replies)
    assert (await journey.client.get("/health/live")).status_code == 200
    precheck = await journey.client.post(f"/v1/programmes/{PROGRAMME}/precheck", json=form())
    assert precheck.status_code == 200


async def test_with_redis_back_everything_goes_on_without_a_restart(
    journey: Journey, valkey: ValkeyProcess
) -> None:
    before = await journey.accepted()
    valkey.kill()
    replies = await asyncio.gather(*(journey.client.post(APPLICATIONS, json=form()) for _ in range(30)))
    assert {reply.status_code for reply in replies} == {503}

    valkey.start()
    await journey.redis_is_back()

    assert (await journey.status(before))["state"] == "accepted"
    assert await journey.accepted()
    await eventually(lambda: journey.client.get("/health/ready"))
    await eventually(lambda: journey.client.get(f"/v1/programmes/{PROGRAMME}"))


async def test_a_restart_between_two_calls_is_not_noticed(journey: Journey, valkey: ValkeyProcess) -> None:
    application = await journey.submit()
    valkey.restart()

    assert (await journey.give_phone(application, new_phone())).status_code == 202


async def test_a_lost_function_library_heals_itself(journey: Journey) -> None:
    application = await journey.submit()
    await journey.redis.function_flush("SYNC")

    replies = await asyncio.gather(*(journey.client.post(APPLICATIONS, json=form()) for _ in range(20)))

    assert {reply.status_code for reply in replies} == {202}
    assert (await journey.give_phone(application, new_phone())).status_code == 202


async def test_a_redis_that_does_not_write_admits_nobody(journey: Journey) -> None:
    await journey.redis.config_set("maxmemory", "1")
    try:
        reply = await journey.client.post(APPLICATIONS, json=form())
    finally:
        await journey.redis.config_set("maxmemory", "0")

    assert reply.status_code == 503
    assert reply.json()["code"] == "store_unavailable"


async def test_a_register_that_is_away_stops_no_admission(journey: Journey, settings: Settings) -> None:
    phone = new_phone()
    application, number = await journey.forwarded(phone)
    await ask(journey, number, phone)
    code = await sent_code(journey, number, phone)
    with register_of(settings) as register:
        register.execute("ALTER TABLE applications RENAME TO away")

        assert (await journey.accepted()).id
        status = await journey.client.get(f"/v1/applications/{application.id}", headers=application.bearer)
        lost = await ask(journey, number, phone, code=code)
        ready = await journey.client.get("/health/ready")
        register.execute("ALTER TABLE away RENAME TO applications")

    assert {reply.status_code for reply in (status, lost, ready)} == {503}
    # The code was not spent for nothing.
    assert (await ask(journey, number, phone, code=code)).status_code == 200


async def test_a_register_that_does_not_answer_is_given_up(
    journey: Journey, keys: Keys, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    application, number = await journey.forwarded()
    monkeypatch.setattr("gateway.http.register_calls.DEADLINE_SECONDS", 0.2)
    with register_of(settings) as register:
        register.execute("BEGIN IMMEDIATE")
        refused = await tell(journey, decision(application, number), keys)
        register.execute("ROLLBACK")

    assert refused.status_code == 503
    monkeypatch.undo()
    assert (await tell(journey, decision(application, number), keys)).status_code == 204


@contextmanager
def register_of(settings: Settings) -> Iterator[sqlite3.Connection]:
    """Another connection to the register's file, as another process would have."""
    with closing(sqlite3.connect(settings.data_dir / "register.db", isolation_level=None)) as connection:
        yield connection


async def eventually(call: Callable[[], Awaitable[httpx.Response]]) -> None:
    """Ask until it is granted; the test's own time limit ends a wait in vain."""
    while (await call()).status_code != 200:  # noqa: ASYNC110 - Nothing tells when Redis is asked next.
        await asyncio.sleep(0.05)
