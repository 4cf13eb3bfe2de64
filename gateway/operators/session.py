"""Logging in with a token, and out: the browser keeps it where no script can read it."""

import asyncio
from contextlib import suppress

import structlog
from litestar import Response, delete, get, post
from litestar.datastructures import Cookie
from msgspec import Struct

from gateway.http.refusals import Unavailable
from gateway.http.register_calls import ask_register
from gateway.http.request import AnyRequest
from gateway.http.wire import rfc3339
from gateway.operators.access import COOKIE, check_origin, credential_of, holder_of
from gateway.operators.bodies import read_body
from gateway.operators.desk import now_ms
from gateway.operators.problems import Problem, Refused
from gateway.operators.room import room_of
from gateway.register.chain import NewAuditLine
from gateway.register.tokens import Holder, Role

# A wrong token costs its sender this, and only a few may wait for it at a time: who guesses, guesses slowly.
# A right one is never held up by others' wrong ones.
_PAUSE_SECONDS = 1.0
_MOST_PAUSING = 8

_pausing = asyncio.Semaphore(_MOST_PAUSING)

_log = structlog.get_logger()


class LogIn(Struct, forbid_unknown_fields=True):
    token: str

    def __repr__(self) -> str:
        return "LogIn()"


class Me(Struct, frozen=True):
    name: str
    role: Role
    expires_at: str


@post("/v1/session", role=None, status_code=204)
async def log_in(request: AnyRequest) -> Response[None]:
    if request.headers.get("sec-fetch-site") or request.headers.get("origin"):
        check_origin(request)
    token = (await read_body(request, LogIn)).token
    room = room_of(request)
    holder = await room.doorkeeper.find(token)
    if holder is None:
        await _hold_up()
        raise Refused(Problem.UNAUTHORIZED)
    request.scope["state"]["holder"] = holder
    await ask_register(room.desk.trail.append(_line("log_in", holder)))
    remaining_seconds = max(1, (holder.expires_at_ms - now_ms()) // 1000)
    return Response(None, status_code=204, cookies=[_cookie(request, token, remaining_seconds)])


@delete("/v1/session", role=None, status_code=204)
async def log_out(request: AnyRequest) -> Response[None]:
    """Take the cookie back. The token itself stays valid: it is revoked on the command line."""
    credential = credential_of(request)
    if credential and credential.is_cookie:
        check_origin(request)
        room = room_of(request)
        # Whoever leaves must not be kept because the register is away.
        with suppress(Unavailable):
            holder = await room.doorkeeper.find(credential.token)
            if holder:
                request.scope["state"]["holder"] = holder
                await ask_register(room.desk.trail.append(_line("log_out", holder)))
    return Response(None, status_code=204, cookies=[_cookie(request, "", 0)])


@get("/v1/me", role=Role.VIEWER)
async def show_me(request: AnyRequest) -> Me:
    holder = holder_of(request)
    return Me(holder.name, holder.role, rfc3339(holder.expires_at_ms))


async def _hold_up() -> None:
    """Raise Refused when too many are being held up already."""
    _log.warning("log_in_failed")
    if _pausing.locked():
        raise Refused(Problem.RATE_LIMITED)
    async with _pausing:
        await asyncio.sleep(_PAUSE_SECONDS)


def _line(action: str, holder: Holder) -> NewAuditLine:
    return NewAuditLine(at_ms=now_ms(), actor=holder.name, role=holder.role, action=action, outcome="done")


def _cookie(request: AnyRequest, token: str, max_age_seconds: int) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=token,
        path="/",
        httponly=True,
        samesite="strict",
        # Behind TLS it must not go over a plain wire; a tunnel to this machine's port has none.
        secure=request.headers.get("origin", "").startswith("https://"),
        max_age=max_age_seconds,
    )
