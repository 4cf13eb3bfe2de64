"""The operators' API as the console sees it: a real server that remembers, and obeys a test."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from tests.integration.operators.console.morning import (
    TITLES,
    controls_of_a_programme,
    sample_of_a_morning,
    state_of_a_morning,
    wire_time,
)

CONSOLE = Path(__file__).parents[4] / "gateway" / "operators" / "console"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TOKENS = {"token-of-aigerim": ("aigerim", "operator"), "token-of-daulet": ("daulet", "viewer")}
# Twice as fast as the real one, so that a test waits half as long.
EVERY_SECONDS = 0.5


class StandIn:
    """What the API knows. A test changes `state`, `controls` and `is_silent`, and reads what arrived."""

    def __init__(self) -> None:
        self.controls = {
            control["name"]: {**control, "overridden": False} for control in controls_of_a_programme()
        }
        self.audit: list[dict[str, Any]] = []
        self.previews: list[dict[str, Any]] = []
        self.plans: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {}
        self.is_silent = False
        self.ended: set[str] = set()
        self.url = ""
        # More than a page: a limit that went up and down again.
        for old, new in [(25_000, 18_000), (18_000, 25_000)] * 12:
            self.tell(
                "aigerim",
                "operator",
                "change",
                "done",
                "Тексеру",
                {"old": {"limit": old}, "new": {"limit": new}},
            )

    def tell(
        self, actor: str, role: str, action: str, outcome: str, reason: str | None, details: Any
    ) -> dict[str, Any]:
        line = {
            "sequence": len(self.audit) + 1,
            "at": wire_time(time.time()),
            "actor": actor,
            "role": role,
            "action": action,
            "programme": "42500",
            "subject": None,
            "reason": reason,
            "outcome": outcome,
            "details": details,
        }
        self.audit.append(line)
        return line

    def now(self) -> dict[str, Any]:
        mode, limit = self.controls["mode"]["value"], self.controls["limit"]["value"]
        return state_of_a_morning(time.time(), mode, limit) | self.state

    def apply(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            control = self.controls[name]
            control["value"] = control["default"] if value is None else value
            control["overridden"] = value is not None


class Refused(Exception):
    def __init__(self, status: int, code: str, **members: Any) -> None:
        self.status = status
        self.body = {"type": "about:blank", "title": code, "status": status, "code": code, **members}


_API = web.AppKey("api", StandIn)


@web.middleware
async def _policy(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        reply: web.StreamResponse = await handler(request)
    except Refused as refused:
        body = msgspec.json.encode(refused.body)
        reply = web.Response(body=body, status=refused.status, content_type="application/problem+json")
    if not reply.prepared:
        reply.headers["Content-Security-Policy"] = POLICY
        reply.headers["Cache-Control"] = "no-store"
    return reply


def _holder(request: web.Request, role: str | None = None) -> tuple[str, str]:
    api, token = request.app[_API], request.cookies.get("session", "")
    if token not in TOKENS or token in api.ended:
        raise Refused(401, "unauthorized")
    name, own = TOKENS[token]
    if role and own != role:
        raise Refused(403, "forbidden")
    return name, own


async def _index(_: web.Request) -> web.FileResponse:
    return web.FileResponse(CONSOLE / "index.html")


async def _log_in(request: web.Request) -> web.Response:
    token = (await request.json())["token"]
    if token not in TOKENS:
        raise Refused(401, "unauthorized")
    reply = web.Response(status=204)
    reply.set_cookie("session", token, httponly=True, samesite="Strict")
    return reply


async def _log_out(_: web.Request) -> web.Response:
    reply = web.Response(status=204)
    reply.del_cookie("session")
    return reply


async def _me(request: web.Request) -> web.Response:
    name, role = _holder(request)
    return web.json_response({"name": name, "role": role, "expires_at": wire_time(time.time() + 36_000)})


async def _programmes(request: web.Request) -> web.Response:
    _holder(request)
    return web.json_response([{"code": "42500", "titles": TITLES}])


async def _history(request: web.Request) -> web.Response:
    _holder(request)
    now = int(time.time())
    samples = [sample_of_a_morning(at, 25_000) for at in range(now - 900, now)]
    return web.json_response({"every_seconds": 1, "samples": samples})


async def _events(request: web.Request) -> web.StreamResponse:
    _holder(request)
    api = request.app[_API]
    reply = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Content-Security-Policy": POLICY}
    )
    await reply.prepare(request)
    with suppress(ConnectionResetError):
        while request.cookies["session"] not in api.ended:
            if not api.is_silent:
                await reply.write(b"event: state\ndata: " + msgspec.json.encode(api.now()) + b"\n\n")
            await asyncio.sleep(EVERY_SECONDS)
        await reply.write(b"event: bye\ndata: {}\n\n")
    return reply


async def _controls_of(request: web.Request) -> web.Response:
    _holder(request)
    return web.json_response({"version": 1, "controls": list(request.app[_API].controls.values())})


async def _preview(request: web.Request) -> web.Response:
    _holder(request)
    api, changes = request.app[_API], (await request.json())["changes"]
    api.previews.append(changes)
    effects: list[dict[str, Any]] = []
    if (limit := changes.get("limit")) is not None:
        live = api.now()["live"]
        if limit < live:
            effects.append(
                {"code": "door_shut", "live": live, "limit": limit, "seconds": (live - limit) // 81}
            )
        effects.append({"code": "eta", "before_seconds": 960, "after_seconds": 960 * 25_000 / max(1, limit)})
    return web.json_response({"effects": effects})


async def _change(request: web.Request) -> web.Response:
    name, role = _holder(request, "operator")
    api, wanted = request.app[_API], await request.json()
    for control, value in wanted["changes"].items():
        known = api.controls[control]
        if (
            known["kind"] == "integer"
            and value is not None
            and not known["lowest"] <= value <= known["highest"]
        ):
            raise Refused(422, "out_of_range", name=control, lowest=known["lowest"], highest=known["highest"])
    old = {control: api.controls[control]["value"] for control in wanted["changes"]}
    if old != wanted["expected"]:
        raise Refused(409, "changed", current=old)
    api.tell(
        name,
        role,
        "change",
        "requested",
        wanted["reason"],
        {"changes": wanted["changes"], "expected": wanted["expected"]},
    )
    if wanted["at"]:
        api.plans.append({"id": 1, "goes_back": False, "actor": name, **wanted})
        return web.json_response({"change": len(api.audit), "old": old, "new": {}, "state": "planned"})
    return _done(api, name, role, "change", wanted["reason"], old, wanted["changes"])


async def _roll_back(request: web.Request) -> web.Response:
    name, role = _holder(request, "operator")
    api, reason = request.app[_API], (await request.json())["reason"]
    line = api.audit[int(request.match_info["sequence"]) - 1]
    new, old = line["details"]["old"], line["details"]["new"]
    current = {control: api.controls[control]["value"] for control in new}
    if current != old:
        raise Refused(409, "changed", current=current)
    return _done(api, name, role, "rollback", reason, old, new)


def _done(
    api: StandIn, name: str, role: str, action: str, reason: str, old: dict[str, Any], new: dict[str, Any]
) -> web.Response:
    api.apply(new)
    line = api.tell(name, role, action, "done", reason, {"old": old, "new": new})
    return web.json_response({"change": line["sequence"], "old": old, "new": new, "state": "done"})


async def _plans(request: web.Request) -> web.Response:
    _holder(request)
    return web.json_response({"plans": request.app[_API].plans})


async def _cancel(request: web.Request) -> web.Response:
    _holder(request, "operator")
    request.app[_API].plans.clear()
    return web.Response(status=204)


async def _audit(request: web.Request) -> web.Response:
    _holder(request)
    lines = request.app[_API].audit
    before, limit = int(request.query.get("before", len(lines) + 1)), int(request.query["limit"])
    return web.json_response({"lines": lines[: before - 1][::-1][:limit]})


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[StandIn]:
    api = StandIn()
    app = web.Application(middlewares=[_policy])
    app[_API] = api
    of_programme = "/v1/programmes/42500"
    app.router.add_static("/console", CONSOLE)
    app.add_routes(
        [
            web.get("/", _index),
            web.post("/v1/session", _log_in),
            web.delete("/v1/session", _log_out),
            web.get("/v1/me", _me),
            web.get("/v1/programmes", _programmes),
            web.get(f"{of_programme}/history", _history),
            web.get(f"{of_programme}/events", _events),
            web.get(f"{of_programme}/controls", _controls_of),
            web.post(f"{of_programme}/preview", _preview),
            web.post(f"{of_programme}/changes", _change),
            web.post(f"{of_programme}/changes/{{sequence}}/rollback", _roll_back),
            web.get(f"{of_programme}/plans", _plans),
            web.delete(f"{of_programme}/plans/{{id}}", _cancel),
            web.get("/v1/audit", _audit),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    api.url = f"http://127.0.0.1:{port}/"
    try:
        yield api
    finally:
        await runner.cleanup()
