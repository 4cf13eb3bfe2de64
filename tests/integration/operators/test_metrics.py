import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from config.settings import Settings, load_settings
from gateway.inflight.status import tick
from gateway.inflight.store import Store, open_redis
from gateway.operators.app import create_operators_app
from supervisor.valkey import ValkeyProcess
from tests.integration.operators.scrape import names, samples, total
from tests.unit.ledgers import opened_ledger

PROGRAMME = "42500"

ALWAYS = {"qabyldau_store_up", "qabyldau_processes_alive"}

OF_PROGRAMMES = {
    "qabyldau_slots_limit",
    "qabyldau_slots_live",
    "qabyldau_slots_unconfirmed",
    "qabyldau_slots_high",
    "qabyldau_store_short_of_memory",
    "qabyldau_applications_accepted",
    "qabyldau_tickets_waiting",
    "qabyldau_tickets_reserved",
    "qabyldau_tickets_missed",
    "qabyldau_tickets_minted",
    "qabyldau_tickets_called",
    "qabyldau_queue_jobs",
    "qabyldau_queue_oldest_seconds",
    "qabyldau_limits_shadowed",
}


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=redis_url, data_dir=tmp_path, redis_timeout_ms=500)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_operators_app(settings)
    # httpx and Litestar each have types of their own for ASGI.
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://operators") as client:
        yield client
    await app.state.sources.store.redis.aclose()


async def scrape(client: httpx.AsyncClient) -> str:
    reply = await client.get("/metrics")
    assert reply.status_code == 200, reply.text
    return reply.text


async def serve_once(settings: Settings) -> None:
    """One tick of a gateway."""
    redis = open_redis(settings.redis_url, settings.redis_timeout_ms)
    await tick(Store(redis), PROGRAMME, 25_000, 60_000)
    await redis.aclose()


async def test_the_page_is_in_the_format_that_prometheus_asks_for(client: httpx.AsyncClient) -> None:
    reply = await client.get("/metrics")

    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_every_family_explains_itself(settings: Settings, client: httpx.AsyncClient) -> None:
    await serve_once(settings)
    lines = (await scrape(client)).splitlines()

    told = {line.split()[2] for line in lines if line.startswith("# HELP") and len(line.split()) > 3}
    assert told == {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert all(name.startswith("qabyldau_") for name in told)


async def test_a_served_programme_is_told_in_figures(settings: Settings, client: httpx.AsyncClient) -> None:
    await serve_once(settings)
    text = await scrape(client)

    assert names(text) == ALWAYS | OF_PROGRAMMES
    assert total(text, "qabyldau_store_up") == 1
    assert total(text, "qabyldau_slots_limit", programme=PROGRAMME) == 25_000
    assert total(text, "qabyldau_slots_live", programme=PROGRAMME) == 0
    assert {one.labels["lane"] for one in samples(text, "qabyldau_tickets_waiting")} == {"line", "front_row"}
    assert {one.labels["queue"] for one in samples(text, "qabyldau_queue_jobs")} == {
        "cases",
        "sms",
        "receipts",
    }


async def test_a_programme_that_was_never_served_has_no_figures(client: httpx.AsyncClient) -> None:
    text = await scrape(client)

    assert names(text) == ALWAYS
    assert total(text, "qabyldau_store_up") == 1


async def test_who_lives_and_who_does_not_is_told_by_role(
    settings: Settings, client: httpx.AsyncClient
) -> None:
    for name in ("machine:8000/1.beat", "machine:8000/2.beat", "machine:worker-1/worker.beat"):
        beat = settings.counts_dir / name
        beat.parent.mkdir(parents=True, exist_ok=True)
        beat.touch()
    os.utime(settings.counts_dir / "machine:8000" / "2.beat", (0, 0))

    text = await scrape(client)

    assert total(text, "qabyldau_processes_alive", role="gateway") == 1
    assert total(text, "qabyldau_processes_alive", role="worker") == 1


async def test_what_a_worker_counted_is_told_under_its_own_name(
    settings: Settings, client: httpx.AsyncClient
) -> None:
    with opened_ledger(settings.counts_dir / "machine:worker-1") as ledger:
        ledger.count("qabyldau_cases_total", "Cases.").add(7)
        text = await scrape(client)

    assert total(text, "qabyldau_cases_total", worker="machine:worker-1") == 7


async def test_without_redis_it_says_so_and_tells_what_was_counted(
    settings: Settings, client: httpx.AsyncClient, valkey: ValkeyProcess
) -> None:
    await serve_once(settings)
    with opened_ledger(settings.counts_dir / "machine:8000") as ledger:
        ledger.count("qabyldau_calls_total", "Calls.").add(7)
        assert names(await scrape(client)) >= OF_PROGRAMMES

        valkey.kill()
        away = await scrape(client)
        valkey.start()
        back = await scrape(client)

    assert names(away) == ALWAYS | {"qabyldau_calls"}
    assert total(away, "qabyldau_store_up") == 0
    assert total(away, "qabyldau_calls_total", gateway="machine:8000") == 7
    assert total(back, "qabyldau_store_up") == 1
    assert names(back) >= OF_PROGRAMMES


def test_the_operators_process_listens_on_loopback_unless_told() -> None:
    assert load_settings({}).operators_host == "127.0.0.1"
