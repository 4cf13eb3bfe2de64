import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from gateway.domain.texts import Language
from gateway.http.problems import MEDIA_TYPE
from gateway.http.refusals import STATUSES, ProblemCode
from supervisor.valkey import ValkeyProcess
from tests.integration.http.journey import PROGRAMME, Journey, form, new_iban, new_iin, new_phone, wrong
from tests.integration.http.waiting import FRONT_ROW_MS, LEASE_MS, WaitingRoom

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"

COMES_BACK = {
    ProblemCode.FULL,
    ProblemCode.TICKET_NOT_CALLED,
    ProblemCode.STORE_UNAVAILABLE,
    ProblemCode.RATE_LIMITED,
    ProblemCode.CODE_LOCKED,
}

# The operators' closing of a programme is not built yet.
NOT_YET = {ProblemCode.PROGRAMME_CLOSED}


async def malformed(journey: Journey) -> httpx.Response:
    return await journey.client.post(APPLICATIONS, content=b"{", headers={"Content-Type": "application/json"})


async def not_found(journey: Journey) -> httpx.Response:
    return await journey.client.get("/v1/nowhere")


async def method_not_allowed(journey: Journey) -> httpx.Response:
    return await journey.client.delete(APPLICATIONS)


async def not_acceptable(journey: Journey) -> httpx.Response:
    return await journey.client.get("/health/live", headers={"Accept": "text/html"})


async def request_timeout(journey: Journey) -> httpx.Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"Content-Type": "application/json"}
    return await journey.client.post(APPLICATIONS, content=chunks(), headers=headers)


async def already_applied(journey: Journey) -> httpx.Response:
    iin = new_iin()
    second = await journey.submit(iin=iin, iban=new_iban())
    await journey.give_phone(second, new_phone())
    code = await journey.code(second)
    await journey.prove(await journey.accepted(iin=iin, iban=new_iban()))
    return await journey.confirm(second, code)


async def wrong_state(journey: Journey) -> httpx.Response:
    return await journey.give_phone(await journey.accepted(), new_phone())


async def code_expired(journey: Journey) -> httpx.Response:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)
    await journey.let_pass(600_000)
    return await journey.confirm(application, code)


async def too_large(journey: Journey) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return await journey.client.post(APPLICATIONS, content=b" " * 2_000_000, headers=headers)


async def unsupported_media_type(journey: Journey) -> httpx.Response:
    return await journey.client.post(APPLICATIONS, data={"iin": new_iin()})


async def invalid_application(journey: Journey) -> httpx.Response:
    return await journey.client.post(APPLICATIONS, json={})


async def category_closed(journey: Journey) -> httpx.Response:
    return await journey.client.post(APPLICATIONS, json=form(category="single_aggregate_payer"))


async def idempotency_conflict(journey: Journey) -> httpx.Response:
    key = {"Idempotency-Key": "k"}
    await journey.client.post(APPLICATIONS, json=form(), headers=key)
    return await journey.client.post(APPLICATIONS, json=form(), headers=key)


async def code_wrong(journey: Journey) -> httpx.Response:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    return await journey.confirm(application, wrong(await journey.code(application)))


async def rate_limited(journey: Journey) -> httpx.Response:
    application, phone = await journey.submit(), new_phone()
    await journey.give_phone(application, phone)
    return await journey.give_phone(application, phone)


async def code_locked(journey: Journey) -> httpx.Response:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)
    for _ in range(5):
        await journey.confirm(application, wrong(code))
    return await journey.confirm(application, code)


async def headers_too_large(journey: Journey) -> httpx.Response:
    return await journey.client.get("/health/live", headers={"Cookie": "c" * 20_000})


async def internal(journey: Journey) -> httpx.Response:
    """Break a record that the gateway itself wrote, which no call can do."""
    key, fields = {"Idempotency-Key": "k"}, form()
    await journey.client.post(APPLICATIONS, json=fields, headers=key)
    [record] = await journey.redis.keys("{42500}:idem:*")
    await journey.redis.hset(record, "sealed_receipt", "broken")
    return await journey.client.post(APPLICATIONS, json=fields, headers=key)


async def full(journey: Journey) -> httpx.Response:
    await journey.set_limit(0)
    return await journey.client.post(APPLICATIONS, json=form())


async def ticket_invalid(journey: Journey) -> httpx.Response:
    return await WaitingRoom(journey).send(form(), "x")


async def ticket_not_called(journey: Journey) -> httpx.Response:
    room, fields = WaitingRoom(journey), form()
    await room.fill()
    return await room.send(fields, (await room.queue(fields))["ticket"])


async def ticket_missed(journey: Journey) -> httpx.Response:
    room = WaitingRoom(journey)
    late, front = await room.missed_once()
    await room.pass_time(LEASE_MS)
    await room.pass_time(FRONT_ROW_MS)
    return await room.send(late, front)


PROVOKED: dict[ProblemCode, Callable[[Journey], Awaitable[httpx.Response]]] = {
    ProblemCode(function.__name__): function
    for function in (
        malformed,
        not_found,
        method_not_allowed,
        not_acceptable,
        request_timeout,
        already_applied,
        wrong_state,
        code_expired,
        too_large,
        unsupported_media_type,
        invalid_application,
        category_closed,
        idempotency_conflict,
        code_wrong,
        rate_limited,
        code_locked,
        headers_too_large,
        internal,
        full,
        ticket_invalid,
        ticket_not_called,
        ticket_missed,
    )
}


def check_problem(reply: httpx.Response, code: ProblemCode, language: Language, journey: Journey) -> None:
    texts = journey.services.texts
    problem = reply.json()
    assert reply.status_code == STATUSES[code]
    assert reply.headers["content-type"] == MEDIA_TYPE
    assert reply.headers["content-language"] == language
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert problem["type"] == f"urn:qabyldau:problem:{code}"
    assert problem["status"] == reply.status_code
    assert problem["code"] == code
    assert problem["title"] == texts.get(language, f"problem.{code}.title")
    assert problem["detail"] == texts.get(language, f"problem.{code}.detail")
    assert ("retry-after" in reply.headers) == (code in COMES_BACK)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("code", PROVOKED)
async def test_a_problem_is_told_in_the_language_asked_for(
    journey: Journey, code: ProblemCode, language: Language
) -> None:
    journey.client.headers["Accept-Language"] = language

    reply = await PROVOKED[code](journey)

    check_problem(reply, code, language, journey)


@pytest.mark.parametrize("language", Language)
async def test_an_absent_store_is_told_in_the_language_asked_for(
    journey: Journey, valkey: ValkeyProcess, language: Language
) -> None:
    valkey.kill()

    reply = await journey.client.post(APPLICATIONS, json=form(), headers={"Accept-Language": language})

    check_problem(reply, ProblemCode.STORE_UNAVAILABLE, language, journey)
    assert 1 <= int(reply.headers["retry-after"]) <= 5


def test_every_code_is_provoked_or_known_to_come_later() -> None:
    assert PROVOKED.keys() | NOT_YET | {ProblemCode.STORE_UNAVAILABLE} == set(ProblemCode)
    assert set(STATUSES) == set(ProblemCode)


async def test_every_code_and_fault_has_its_texts(journey: Journey) -> None:
    keys = journey.services.texts.keys()

    assert {f"problem.{code}.{part}" for code in ProblemCode for part in ("title", "detail")} <= keys


@pytest.mark.parametrize("accept_language", [None, "de", "", "*", "xx;q=", "en;q=0", "ru;q=0, de", "ә"])
async def test_whoever_asks_for_no_language_of_ours_reads_kazakh(
    journey: Journey, accept_language: str | None
) -> None:
    headers = {} if accept_language is None else {b"accept-language": accept_language.encode()}

    reply = await journey.client.get("/v1/nowhere", headers=headers)

    assert reply.headers["content-language"] == "kk"
    assert reply.json()["title"] == "Табылмады"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", APPLICATIONS, {"OPTIONS", "POST"}),
        ("POST", f"/v1/programmes/{PROGRAMME}", {"GET", "OPTIONS"}),
        ("PUT", "/v1/receipts", {"OPTIONS", "POST"}),
        ("PROPFIND", "/v1/decisions", {"OPTIONS", "POST"}),
        ("DELETE", "/v1/applications/42500-" + "a" * 26, {"GET", "OPTIONS"}),
    ],
)
async def test_another_method_hears_which_are_allowed(
    client: httpx.AsyncClient, method: str, path: str, allowed: set[str]
) -> None:
    reply = await client.request(method, path)

    assert reply.status_code == 405
    assert set(reply.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/*", "application/json;q=0.1", "text/html, application/xhtml+xml, */*;q=0.8", ""],
)
async def test_whoever_reads_json_gets_it(client: httpx.AsyncClient, accept: str) -> None:
    reply = await client.get("/health/live", headers={"Accept": accept})

    assert reply.status_code == 200


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "application/json;q=0", "*/*, application/json;q=0.0", "json"]
)
async def test_whoever_does_not_read_json_is_told_before_anything_happens(
    journey: Journey, accept: str
) -> None:
    reply = await journey.client.post(APPLICATIONS, json=form(), headers={"Accept": accept})

    assert reply.status_code == 406
    assert await journey.redis.zcard("{42500}:leases") == 0
