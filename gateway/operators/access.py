"""Who may call what. Each route says its role; one that says none is not served."""

from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from msgspec import Struct

from gateway.operators.desk import Actor
from gateway.operators.problems import Problem, Refused
from gateway.operators.room import room_of
from gateway.register.tokens import Holder, Role

# The key under which a route says whom it is for: `role=Role.VIEWER`, or `role=None` for anyone.
ROLE: Final = "role"

COOKIE: Final = "session"

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER: Final = "bearer "

AnyConnection = ASGIConnection[Any, Any, Any, Any]


class Credential(Struct, frozen=True):
    token: str
    is_cookie: bool

    def __repr__(self) -> str:
        return "Credential()"


async def guard_role(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Let in whom the route is for; raises Refused, and Unavailable when nobody knows who it is."""
    # The framework answers OPTIONS by itself and says no role: that is for operators, as anything undeclared.
    needed: Role | None = handler.opt.get(ROLE, Role.OPERATOR)
    if needed is None:
        return
    credential = credential_of(connection)
    holder = await room_of(connection).doorkeeper.find(credential.token) if credential else None
    if credential is None or holder is None:
        raise Refused(Problem.UNAUTHORIZED)
    connection.scope["state"]["holder"] = holder
    if needed is Role.OPERATOR and holder.role is not Role.OPERATOR:
        raise Refused(Problem.FORBIDDEN)
    if credential.is_cookie:
        check_origin(connection)


def check_origin(connection: AnyConnection) -> None:
    """Refuse what another site's page makes a browser send; raises Refused."""
    if connection.scope["type"] == ScopeType.HTTP and connection.scope["method"] in _SAFE_METHODS:
        return
    headers = connection.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_own = site == "same-origin" if site else bool(origin) and _host_of(origin) == headers.get("host")
    if not is_own:
        raise Refused(Problem.FORBIDDEN)


def credential_of(connection: AnyConnection) -> Credential | None:
    """Take what the header says; the cookie counts only without it."""
    authorization = connection.headers.get("authorization")
    if authorization is not None:
        is_bearer = authorization.lower().startswith(_BEARER)
        return Credential(authorization[len(_BEARER) :].strip(), is_cookie=False) if is_bearer else None
    token = connection.cookies.get(COOKIE)
    return Credential(token, is_cookie=True) if token else None


def holder_of(connection: AnyConnection) -> Holder:
    holder: Holder = connection.scope["state"]["holder"]
    return holder


def actor_of(connection: AnyConnection) -> Actor:
    holder = holder_of(connection)
    return Actor(holder.name, holder.role)


def check_routes(app: Litestar) -> None:
    """Raise ValueError for a route that does not say whom it is for."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            raise ValueError(f"{route.path} is not guarded: it is no HTTP route")  # noqa: TRY004 - A wrong value all the same.
        for handler in route.route_handlers:
            if handler.http_methods != {"OPTIONS"} and ROLE not in handler.opt:
                raise ValueError(f"{route.path} does not say whom it is for")


def _host_of(origin: str | None) -> str:
    return urlsplit(origin or "").netloc
