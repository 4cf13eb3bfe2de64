"""Role × route, from the routes themselves: a new one cannot be forgotten."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from config.settings import Settings
from gateway.operators.access import ROLE, check_routes
from gateway.operators.app import create_operators_app
from gateway.operators.desk import now_ms
from gateway.register.tokens import Role
from tests.integration.operators.control_room import ControlRoom, bearer, eventually

WHO = ("nobody", "citizen", "viewer", "operator", "expired", "revoked")

# What each may call; the others are not let in at all.
LET_IN = {
    None: set(WHO),
    Role.VIEWER: {"viewer", "operator"},
    Role.OPERATOR: {"operator"},
}

PARAMETERS = {"programme": "42500", "sequence": "1", "plan": "1", "name": "/no-such.css"}


def endpoints(app: Litestar) -> list[tuple[str, str, Role | None]]:
    """Method, path and role of every route; the framework's own OPTIONS are for operators."""
    return [
        (method, path, role_of(handler, method))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods)
        for path in [re.sub(r"\{(\w+):\w+\}", lambda found: PARAMETERS[found[1]], route.path)]
    ]


def role_of(handler: HTTPRouteHandler, method: str) -> Role | None:
    role: Role | None = handler.opt.get(ROLE, Role.OPERATOR) if method == "OPTIONS" else handler.opt[ROLE]
    return role


async def credentials(room: ControlRoom) -> dict[str, dict[str, str]]:
    over = await room.token("over", Role.OPERATOR, lifetime_ms=1)
    revoked = await room.token("revoked", Role.OPERATOR)
    await room.tokens.revoke("revoked", now_ms())
    await eventually(room, over, 401)
    return {
        "nobody": {},
        # A receipt looks like a token, and opens nothing here.
        "citizen": bearer("r" * 43),
        "viewer": bearer(room.viewer),
        "operator": bearer(room.operator),
        "expired": bearer(over),
        "revoked": bearer(revoked),
    }


def answer_for(who: str, role: Role | None) -> set[int]:
    if who in LET_IN[role]:
        return set(range(200, 500)) - {401, 403}
    return {403} if who == "viewer" else {401}


async def call(room: ControlRoom, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body: Any = {} if method in {"POST", "PUT", "PATCH"} else None
    asking = asyncio.create_task(room.client.request(method, path, headers=headers, json=body))
    while path.endswith("/events") and not asking.done():
        # A stream ends when the process does; until then there would be no answer.
        room.inside.watches["42500"].end()
        await asyncio.sleep(0.01)
    return await asking


async def test_everybody_gets_the_right_answer_from_every_route(room: ControlRoom) -> None:
    headers = await credentials(room)
    pairs = [(who, *endpoint) for endpoint in endpoints(room.app) for who in WHO]

    wrong = []
    for who, method, path, role in pairs:
        if (method, path) == ("POST", "/v1/session"):
            continue
        reply = await call(room, method, path, headers[who])
        if reply.status_code not in answer_for(who, role):
            wrong.append((who, method, path, reply.status_code))

    assert wrong == []
    assert len(pairs) >= 150


async def test_what_is_not_there_tells_nothing_more(room: ControlRoom) -> None:
    assert (await room.client.get("/v1/no-such")).status_code == 404
    assert (await room.get("/v1/programmes/99999")).status_code == 404
    assert (await room.client.get("/v1/programmes/99999")).status_code == 401
    assert (await room.client.patch("/v1/me")).status_code == 405


def test_a_route_that_does_not_say_whom_it_is_for_is_not_served() -> None:
    @get("/v1/forgotten")
    async def forgotten() -> str:
        return "for everybody"

    with pytest.raises(ValueError, match="/v1/forgotten"):
        check_routes(Litestar([forgotten], openapi_config=None))


def test_every_route_is_for_somebody(room_settings: Settings) -> None:
    roles = {role for _, _, role in endpoints(create_operators_app(room_settings))}

    assert roles == {None, Role.VIEWER, Role.OPERATOR}


def test_whatever_changes_something_is_for_operators(room_settings: Settings) -> None:
    unsafe = {
        (method, path): role
        for method, path, role in endpoints(create_operators_app(room_settings))
        if method not in {"GET", "OPTIONS"}
    }
    open_to_others = {
        ("POST", "/v1/session"): None,
        ("DELETE", "/v1/session"): None,
        ("POST", "/v1/programmes/42500/preview"): Role.VIEWER,
    }

    assert {call: role for call, role in unsafe.items() if role is not Role.OPERATOR} == open_to_others


def test_only_the_console_and_the_metrics_are_seen_by_anyone(room_settings: Settings) -> None:
    seen = {path for method, path, role in endpoints(create_operators_app(room_settings)) if role is None}

    assert seen == {"/", "/console//no-such.css", "/metrics", "/v1/session"}


@pytest.mark.parametrize("path", ["/", "/metrics", "/v1/me", "/v1/audit", "/v1/no-such", "/v1/session"])
async def test_every_answer_carries_the_headers_that_protect_it(room: ControlRoom, path: str) -> None:
    for headers in ({}, bearer(room.viewer)):
        reply = await room.client.get(path, headers=headers)

        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cache-Control"] in {"no-store", "no-cache"}


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
async def test_a_problem_is_told_in_the_language_of_its_reader(room: ControlRoom, language: str) -> None:
    reply = await room.client.get("/v1/me", headers={"Accept-Language": language})

    assert reply.status_code == 401
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Content-Language"] == language
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    told = reply.json()
    assert (told["code"], told["status"], told["type"]) == (
        "unauthorized",
        401,
        "urn:qabyldau:problem:unauthorized",
    )
