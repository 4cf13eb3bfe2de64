"""Two routes are served without the framework, and answer as they do with it: a slash at the end calls it."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from gateway.domain.tickets import write_ticket
from gateway.http.refusals import ProblemCode
from gateway.http.routes import Application
from supervisor.valkey import ValkeyProcess
from tests.integration.http.journey import PROGRAMME, Journey, form, new_iban, new_iin
from tests.integration.http.test_submission import IIN_WITHOUT_DATE
from tests.integration.http.waiting import APPLICATIONS, ROOM, WaitingRoom

JSON = {"Content-Type": "application/json"}

# What is drawn anew for each answer, or follows from the moment.
RANDOM_MEMBERS = {"id", "receipt", "expires_at", "ticket", "poll_after_ms", "claim_before"}
RANDOM_HEADERS = {"location": re.compile("[a-z2-7]{26}$"), "retry-after": re.compile("^[0-9]+$")}

Request = Callable[[Journey, str], Awaitable[httpx.Response]]


async def right(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash, json=form())


async def right_with_a_warning(journey: Journey, slash: str) -> httpx.Response:
    fields = form(iin=IIN_WITHOUT_DATE, language=...)
    return await journey.client.post(APPLICATIONS + slash, json=fields, headers={"Accept-Language": "en"})


async def right_with_a_query(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(f"{APPLICATIONS}{slash}?utm=x", json=form())


async def wrong_fields(journey: Journey, slash: str) -> httpx.Response:
    wrong = form(iin="1", iban=None, nickname="x")
    return await journey.client.post(APPLICATIONS + slash, json=wrong, headers={"Accept-Language": "ru"})


async def closed(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash, json=form(category="single_aggregate_payer"))


async def malformed(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash, content=b'{"iin": ', headers=JSON)


async def empty(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash)


async def too_large(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash, content=b" " * 2_000_000, headers=JSON)


async def announced_as_too_large(journey: Journey, slash: str) -> httpx.Response:
    headers = JSON | {"Content-Length": "99999999"}
    return await journey.client.post(APPLICATIONS + slash, content=b"{}", headers=headers)


async def of_a_wrong_length(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(
        APPLICATIONS + slash, content=b"{}", headers=JSON | {"Content-Length": "-1"}
    )


async def of_a_wrong_type(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash, data={"iin": new_iin()})


async def for_a_wrong_reader(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash, json=form(), headers={"Accept": "text/html"})


async def with_a_wrong_key(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(
        APPLICATIONS + slash, json=form(), headers={"Idempotency-Key": "a key with spaces"}
    )


async def with_large_headers(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(APPLICATIONS + slash, json=form(), headers={"Cookie": "c" * 20_000})


async def of_an_unknown_programme(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.post(f"/v1/programmes/42501/applications{slash}", json=form())


async def with_a_forged_ticket(journey: Journey, slash: str) -> httpx.Response:
    ticket = "42500." + "A" * 60
    return await journey.client.post(APPLICATIONS + slash, json=form(), headers={"Waiting-Ticket": ticket})


async def with_a_ticket_that_is_not_called(journey: Journey, slash: str) -> httpx.Response:
    await journey.set_limit(0)
    fields = form()
    ticket = (await WaitingRoom(journey).queue(fields))["ticket"]
    return await journey.client.post(APPLICATIONS + slash, json=fields, headers={"Waiting-Ticket": ticket})


async def full(journey: Journey, slash: str) -> httpx.Response:
    await journey.redis.flushall()
    await journey.submit()
    await journey.set_limit(1)
    return await journey.client.post(APPLICATIONS + slash, json=form())


async def of_a_sixth_candidate(journey: Journey, slash: str) -> httpx.Response:
    iin = new_iin()
    for _ in range(5):
        await journey.submit(iin=iin, iban=new_iban())
    return await journey.client.post(APPLICATIONS + slash, json=form(iin=iin))


async def repeated(journey: Journey, slash: str) -> httpx.Response:
    fields, key = form(), {"Idempotency-Key": f"key{slash}"}
    first = await journey.client.post(APPLICATIONS + slash, json=fields, headers=key)
    second = await journey.client.post(APPLICATIONS + slash, json=fields, headers=key)
    assert first.json() == second.json()
    return second


async def repeated_with_another_body(journey: Journey, slash: str) -> httpx.Response:
    key = {"Idempotency-Key": f"key{slash}"}
    await journey.client.post(APPLICATIONS + slash, json=form(), headers=key)
    return await journey.client.post(APPLICATIONS + slash, json=form(), headers=key)


async def broken_by_a_fault_of_ours(journey: Journey, slash: str) -> httpx.Response:
    fields, key = form(), {"Idempotency-Key": f"key{slash}"}
    await journey.client.post(APPLICATIONS + slash, json=fields, headers=key)
    for record in await journey.redis.keys("{42500}:idem:*"):
        await journey.redis.hset(record, "sealed_receipt", "broken")
    return await journey.client.post(APPLICATIONS + slash, json=fields, headers=key)


async def a_poll(journey: Journey, slash: str) -> httpx.Response:
    ticket = await waiting_ticket(journey)
    return await journey.client.get(ROOM + slash, headers={"Waiting-Ticket": ticket})


async def a_poll_without_a_ticket(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.get(ROOM + slash, headers={"Accept-Language": "ru"})


async def a_poll_with_a_forged_ticket(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.get(ROOM + slash, headers={"Waiting-Ticket": "42500." + "A" * 60})


async def a_poll_of_another_line(journey: Journey, slash: str) -> httpx.Response:
    room = WaitingRoom(journey)
    ticket = room.read(await waiting_ticket(journey))
    before = msgspec.structs.replace(ticket.place, epoch=ticket.place.epoch - 1)
    text = write_ticket(msgspec.structs.replace(ticket, place=before), journey.services.ring.sign)
    return await journey.client.get(ROOM + slash, headers={"Waiting-Ticket": text})


async def a_poll_for_a_wrong_reader(journey: Journey, slash: str) -> httpx.Response:
    return await journey.client.get(ROOM + slash, headers={"Accept": "text/html"})


async def waiting_ticket(journey: Journey) -> str:
    room = WaitingRoom(journey)
    await journey.redis.flushall()
    await room.keeper.refresh()
    await room.fill()
    ticket: str = (await room.queue())["ticket"]
    await room.keeper.refresh()
    return ticket


REQUESTS: dict[Request, int] = {
    right: 202,
    right_with_a_warning: 202,
    right_with_a_query: 202,
    wrong_fields: 422,
    closed: 422,
    malformed: 400,
    empty: 415,
    too_large: 413,
    announced_as_too_large: 413,
    of_a_wrong_length: 413,
    of_a_wrong_type: 415,
    for_a_wrong_reader: 406,
    with_a_wrong_key: 400,
    with_large_headers: 431,
    of_an_unknown_programme: 404,
    with_a_forged_ticket: 422,
    with_a_ticket_that_is_not_called: 409,
    full: 503,
    of_a_sixth_candidate: 429,
    repeated: 202,
    repeated_with_another_body: 422,
    broken_by_a_fault_of_ours: 500,
    a_poll: 200,
    a_poll_without_a_ticket: 422,
    a_poll_with_a_forged_ticket: 422,
    a_poll_of_another_line: 422,
    a_poll_for_a_wrong_reader: 406,
}
every_request = pytest.mark.parametrize("request_of", REQUESTS, ids=lambda request: request.__name__)


def check_same(express: httpx.Response, framework: httpx.Response) -> None:
    assert express.status_code == framework.status_code
    assert headers_of(express) == headers_of(framework)
    assert body_of(express) == body_of(framework)


def headers_of(reply: httpx.Response) -> list[tuple[str, str]]:
    return sorted(
        (name, RANDOM_HEADERS[name].sub("…", value) if name in RANDOM_HEADERS else value)
        for name, value in reply.headers.multi_items()
    )


def body_of(reply: httpx.Response) -> dict[str, Any]:
    return {name: type(value) if name in RANDOM_MEMBERS else value for name, value in reply.json().items()}


def line_of(said: list[MutableMapping[str, Any]]) -> dict[str, Any]:
    line = dict([entry for entry in said if entry["event"] == "request"][-1])
    assert line.pop("duration_ms") >= 0
    return line | {"application_id": "application_id" in line}


@pytest.mark.parametrize("request_of", REQUESTS, ids=lambda request: request.__name__)
async def test_answer_and_log_line_are_those_of_the_framework(journey: Journey, request_of: Request) -> None:
    with capture_logs() as said:
        express = await request_of(journey, "")
    with capture_logs() as said_by_framework:
        framework = await request_of(journey, "/")

    assert express.status_code == REQUESTS[request_of]
    check_same(express, framework)
    assert line_of(said) == line_of(said_by_framework)


async def test_a_key_used_on_one_way_is_known_on_the_other(journey: Journey) -> None:
    fields, key = form(), {"Idempotency-Key": "k"}

    replies = [
        await journey.client.post(APPLICATIONS + slash, json=fields, headers=key) for slash in ("", "/")
    ]

    assert [reply.status_code for reply in replies] == [202, 202]
    assert replies[0].content == replies[1].content


async def test_an_absent_store_is_told_as_the_framework_would(
    journey: Journey, valkey: ValkeyProcess
) -> None:
    headers = {"Waiting-Ticket": await waiting_ticket(journey)}
    # Without figures nobody's place is known.
    journey.services.intakes[PROGRAMME].summaries._summary = None
    valkey.kill()

    submitted = [await journey.client.post(APPLICATIONS + slash, json=form()) for slash in ("", "/")]
    polled = [await journey.client.get(ROOM + slash, headers=headers) for slash in ("", "/")]

    for replies in (submitted, polled):
        assert replies[0].json()["code"] == ProblemCode.STORE_UNAVAILABLE
        check_same(*replies)


@pytest.mark.parametrize("path", [APPLICATIONS, ROOM])
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_another_method_is_answered_by_the_framework(journey: Journey, method: str, path: str) -> None:
    own, other = ("POST", "GET") if path == APPLICATIONS else ("GET", "POST")

    replies = [await journey.client.request(name, path) for name in (method, other)]

    assert [reply.status_code for reply in replies] == [204 if method == "OPTIONS" else 405, 405]
    assert [set(reply.headers["allow"].split(", ")) for reply in replies] == [{own, "OPTIONS"}] * 2
    assert replies[0].headers["cache-control"] == "no-store"


def test_only_the_plain_paths_are_served_without_the_framework(app: Application) -> None:
    assert set(app.edge._timetable) == {("POST", APPLICATIONS), ("GET", ROOM)}
