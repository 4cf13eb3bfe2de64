"""What holds for every answer on the operators' port: its headers, and one log line."""

import structlog
from litestar.enums import ScopeType
from litestar.types import Message, Scope

from gateway.register.tokens import Holder

# The console talks to its own server only, and brings everything along; nobody shows it in a frame.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS = (
    (b"content-security-policy", _CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
_NO_STORE = (b"cache-control", b"no-store")

# A scrape every few seconds is no news.
_QUIET_ROUTES = frozenset({"/metrics"})

_log = structlog.get_logger()


async def finish_answer(message: Message, scope: Scope) -> None:
    """Serve as the application's `before_send`."""
    if message["type"] != "http.response.start" or scope["type"] != ScopeType.HTTP:
        return
    headers = [*message["headers"], *_ALWAYS]
    # Only the files of the console say themselves how they may be kept.
    if not any(name.lower() == _NO_STORE[0] for name, _ in headers):
        headers.append(_NO_STORE)
    message["headers"] = headers
    # The route's template, never the path: a path holds whatever somebody typed.
    route = scope.get("path_template", "unmatched")
    if route in _QUIET_ROUTES:
        return
    holder: Holder | None = scope["state"].get("holder")
    _log.info(
        "operators_request",
        method=scope["method"],
        route=route,
        status=int(message["status"]),
        actor=holder.name if holder else None,
        role=holder.role if holder else None,
    )
