import asyncio
import json

import httpx
import pytest

from gateway.http.refusals import ProblemCode
from supervisor.valkey import ValkeyProcess
from tests.integration.http.journey import Journey
from tests.integration.http.waiting import WaitingRoom

FACTS = "/v1/programmes/42500"


async def refresh(journey: Journey) -> None:
    """What happens once a second."""
    await journey.services.intakes["42500"].summaries.refresh()


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("kk", "Жеке кәсіпкерлер"),
        ("ru", "Индивидуальные предприниматели"),
        ("en", "Individual entrepreneurs"),
    ],
)
async def test_facts_are_told_in_the_language_asked_for(
    client: httpx.AsyncClient, language: str, title: str
) -> None:
    reply = await client.get(FACTS, headers={"Accept-Language": language})

    assert reply.status_code == 200
    facts = reply.json()
    assert facts["title"] == facts["titles"][language]
    assert set(facts["titles"]) == {"kk", "ru", "en"}
    categories = {category["name"]: category for category in facts["categories"]}
    assert len(categories) == 6
    assert categories["entrepreneur"]["title"] == title
    assert categories["entrepreneur"]["required_fields"] == ["iin", "full_name", "iban"]
    assert categories["business_employee"]["required_fields"] == ["iin", "employer", "full_name", "iban"]
    assert [name for name, category in categories.items() if not category["open"]] == [
        "single_aggregate_payer"
    ]
    assert reply.headers["cache-control"] == "public, max-age=1"
    assert reply.headers["vary"] == "Accept-Language"
    assert reply.headers["content-language"] == language


async def test_figures_follow_what_happens(journey: Journey) -> None:
    await journey.submit()
    await journey.accepted()
    await refresh(journey)

    facts = (await journey.client.get(FACTS)).json()

    assert facts["mode"] == "open"
    assert (facts["limit"], facts["in_process"], facts["waiting"]) == (25_000, 2, 0)
    assert (facts["eta_seconds"], facts["eta_p90_seconds"]) == (0, 0)


async def test_a_newcomer_waits_for_nobody_while_there_are_slots(journey: Journey) -> None:
    room = WaitingRoom(journey)

    async def figures() -> list[int | None]:
        await refresh(journey)
        facts = (await journey.client.get(FACTS)).json()
        return [facts["waiting"], facts["eta_seconds"], facts["eta_p90_seconds"]]

    assert await figures() == [0, 0, 0]
    await room.fill()
    assert await figures() == [0, None, None]
    await room.queue()
    assert await figures() == [1, None, None]


async def test_the_refresh_lapses_what_is_due(journey: Journey) -> None:
    application = await journey.submit()
    await journey.let_pass(180_000)
    await refresh(journey)

    assert (await journey.status(application))["state"] == "lapsed"
    assert (await journey.client.get(FACTS)).json()["in_process"] == 0


async def test_figures_are_served_from_memory_for_a_while_and_then_not_at_all(
    journey: Journey, valkey: ValkeyProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey.kill()
    await refresh(journey)
    assert (await journey.client.get(FACTS)).status_code == 200

    monkeypatch.setattr("gateway.http.summaries.STALE_AFTER_SECONDS", 0.0)
    reply = await journey.client.get(FACTS)

    assert reply.status_code == 503
    assert reply.json()["code"] == ProblemCode.STORE_UNAVAILABLE
    assert reply.headers["cache-control"] == "no-store"


async def test_the_process_is_live_and_ready(client: httpx.AsyncClient) -> None:
    live, ready = await client.get("/health/live"), await client.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


async def test_readiness_is_asked_of_redis_once_a_second_at_most(journey: Journey) -> None:
    async def calls() -> int:
        stats = await journey.redis.info("commandstats")
        return int(stats["cmdstat_fcall"]["calls"])

    before = await calls()
    await asyncio.gather(*(journey.client.get("/health/ready") for _ in range(50)))

    # One probe, and at most the refreshes of as many seconds as this took.
    assert await calls() - before < 20


async def test_the_document_lists_every_route_and_its_problems(client: httpx.AsyncClient) -> None:
    reply = await client.get("/schema")

    assert reply.status_code == 200
    document = json.loads(reply.content)
    operations = {(path, method) for path, item in document["paths"].items() for method in item}
    assert operations == {
        ("/v1/programmes/{programme}", "get"),
        ("/v1/programmes/{programme}/precheck", "post"),
        ("/v1/programmes/{programme}/applications", "post"),
        ("/v1/waiting-room", "get"),
        ("/v1/applications/{application_id}/phone", "post"),
        ("/v1/applications/{application_id}/confirmation", "post"),
        ("/v1/applications/{application_id}", "get"),
        ("/v1/receipts", "post"),
        ("/v1/decisions", "post"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
    }
    submission = document["paths"]["/v1/programmes/{programme}/applications"]["post"]
    body = submission["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["required"]) == {"category", "iin", "full_name", "iban"}
    assert set(submission["responses"]) == {
        "202", "400", "404", "406", "408", "409", "410", "413", "415", "422", "429", "431", "500", "503"
    }  # fmt: skip
    headers = [parameter["name"] for parameter in submission["parameters"]]
    assert headers == ["programme", "Idempotency-Key", "Waiting-Ticket"]
    [ticket] = document["paths"]["/v1/waiting-room"]["get"]["parameters"]
    assert (ticket["name"], ticket["in"], ticket["required"]) == ("Waiting-Ticket", "header", True)
    assert document["components"]["schemas"]["Problem"]
    known = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    accepted = submission["responses"]["202"]
    assert set(accepted["headers"]) == {"Location"}
    assert {link["operationId"] for link in accepted["links"].values()} < known
    assert set(submission["responses"]["429"]["headers"]) == {"Retry-After", "RateLimit", "RateLimit-Policy"}


@pytest.mark.parametrize("path", ["/schema/swagger", "/schema/redoc", "/schema/elements", "/schema/x.json"])
async def test_no_page_loads_anything_from_elsewhere(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)

    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"
