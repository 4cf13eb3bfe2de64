import asyncio
import json

import httpx
import pytest

from gateway.operators.access import COOKIE
from gateway.operators.desk import now_ms
from gateway.register.tokens import Role
from tests.integration.operators.control_room import PROGRAMME_URL, ControlRoom, bearer, eventually

OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


async def log_in(room: ControlRoom, token: str, **headers: str) -> httpx.Response:
    return await room.client.post("/v1/session", json={"token": token}, headers=headers)


async def test_a_token_becomes_a_cookie_that_no_script_can_read(room: ControlRoom) -> None:
    reply = await log_in(room, room.viewer)

    assert reply.status_code == 204
    cookie = reply.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert 0 < int(cookie.split("Max-Age=")[1].split(";")[0]) <= 3600
    me = (await room.client.get("/v1/me")).json()
    assert (me["name"], me["role"]) == ("vera", "viewer")


async def test_whoever_logs_out_is_out(room: ControlRoom) -> None:
    await log_in(room, room.viewer)

    reply = await room.client.delete("/v1/session", headers=OWN_PAGE)

    assert reply.status_code == 204
    assert COOKIE not in room.client.cookies
    assert (await room.client.get("/v1/me")).status_code == 401
    assert [line["action"] for line in await room.trail()] == ["log_out", "log_in"]


@pytest.mark.parametrize(("origin", "secure"), [("https://operators", True), ("http://operators", False)])
async def test_behind_tls_the_cookie_never_goes_over_a_plain_wire(
    room: ControlRoom, origin: str, *, secure: bool
) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}

    reply = await room.client.post("/v1/session", json={"token": room.viewer}, headers=headers)

    assert reply.status_code == 204
    assert ("Secure" in reply.headers["Set-Cookie"].split("; ")) is secure


@pytest.mark.parametrize("body", [{"token": "x" * 43}, {"token": ""}, {"token": "қ"}])
async def test_a_wrong_token_opens_nothing(room: ControlRoom, body: object) -> None:
    reply = await room.client.post("/v1/session", json=body)

    assert reply.status_code == 401
    assert "Set-Cookie" not in reply.headers
    assert await room.trail() == []


async def test_those_who_guess_hold_up_each_other_and_nobody_else(room: ControlRoom) -> None:
    guesses = [asyncio.create_task(log_in(room, f"{number:043}")) for number in range(12)]
    await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)

    assert (await log_in(room, room.viewer)).status_code == 204
    statuses = sorted(reply.status_code for reply in await asyncio.gather(*guesses))
    assert statuses == [401] * 8 + [429] * 4


async def test_a_revoked_token_ends_its_sessions(room: ControlRoom) -> None:
    token = await room.token("leaver", Role.VIEWER)
    await log_in(room, token)
    assert (await room.client.get("/v1/me")).status_code == 200

    await room.tokens.revoke("leaver", now_ms())

    await eventually(room, token, 401)
    assert (await room.client.get("/v1/me")).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://operators"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://operators"}, 403),
        ({"Origin": "http://elsewhere"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_cookie_changes_things_only_from_the_page_itself(
    room: ControlRoom, headers: dict[str, str], status: int
) -> None:
    await log_in(room, room.operator)
    body = {"changes": {"limit": 20_000}, "expected": {"limit": 25_000}, "reason": "Толқын"}

    reply = await room.client.post(f"{PROGRAMME_URL}/changes", json=body, headers=headers)

    assert reply.status_code == status
    assert (await room.values())["limit"] == (20_000 if status == 200 else 25_000)


async def test_a_bearer_needs_no_page(room: ControlRoom) -> None:
    headers = bearer(room.operator) | {"Sec-Fetch-Site": "cross-site"}
    body = {"changes": {"limit": 20_000}, "expected": {"limit": 25_000}, "reason": "Толқын"}

    assert (await room.client.post(f"{PROGRAMME_URL}/changes", json=body, headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere"}])
async def test_nobody_is_logged_in_by_another_site(room: ControlRoom, headers: dict[str, str]) -> None:
    assert (await log_in(room, room.viewer, **headers)).status_code == 403


@pytest.mark.parametrize(
    ("content", "type_", "status"),
    [
        (b'{"token": "x"', "application/json", 400),
        (b'{"token": "x", "token": "y"}', "application/json", 400),
        (b'{"token": 1}', "application/json", 400),
        (b'{"other": "x"}', "application/json", 400),
        (b'["x"]', "application/json", 400),
        (b"", "application/json", 400),
        (b'{"token": "x"}', "text/plain", 415),
        (b"token=x", "application/x-www-form-urlencoded", 415),
        (json.dumps({"token": "x" * 70_000}).encode(), "application/json", 413),
    ],
)
async def test_only_a_proper_body_is_read(room: ControlRoom, content: bytes, type_: str, status: int) -> None:
    reply = await room.client.post("/v1/session", content=content, headers={"Content-Type": type_})

    assert reply.status_code == status
    assert reply.headers["Content-Type"] == "application/problem+json"


async def test_the_token_is_in_no_log_line(
    room: ControlRoom, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    await log_in(room, room.viewer)
    await log_in(room, "w" * 43)
    await room.get("/v1/me")
    await room.get(f"/v1/programmes/{room.viewer}")

    told = b"".join(capfdbinary.readouterr())
    assert b"vera" in told
    assert b"log_in_failed" in told
    assert room.viewer.encode() not in told
    assert b"w" * 43 not in told
