"""Why a request is not granted. One tree of errors; `problems.py` alone turns it into HTTP."""

import random
from collections.abc import Sequence
from enum import StrEnum
from http import HTTPStatus

from msgspec import Struct

from gateway.domain.application import FieldFault


class ProblemCode(StrEnum):
    """What clients decide by. Part of the contract with them: add, never rename."""

    MALFORMED = "malformed"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    REQUEST_TIMEOUT = "request_timeout"
    ALREADY_APPLIED = "already_applied"
    WRONG_STATE = "wrong_state"
    TICKET_NOT_CALLED = "ticket_not_called"
    CODE_EXPIRED = "code_expired"
    TICKET_MISSED = "ticket_missed"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_APPLICATION = "invalid_application"
    CATEGORY_CLOSED = "category_closed"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    TICKET_INVALID = "ticket_invalid"
    CODE_WRONG = "code_wrong"
    RATE_LIMITED = "rate_limited"
    CODE_LOCKED = "code_locked"
    HEADERS_TOO_LARGE = "headers_too_large"
    INTERNAL = "internal"
    FULL = "full"
    PROGRAMME_CLOSED = "programme_closed"
    STORE_UNAVAILABLE = "store_unavailable"


STATUSES: dict[ProblemCode, HTTPStatus] = {
    ProblemCode.MALFORMED: HTTPStatus.BAD_REQUEST,
    ProblemCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ProblemCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ProblemCode.NOT_ACCEPTABLE: HTTPStatus.NOT_ACCEPTABLE,
    ProblemCode.REQUEST_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    ProblemCode.ALREADY_APPLIED: HTTPStatus.CONFLICT,
    ProblemCode.WRONG_STATE: HTTPStatus.CONFLICT,
    ProblemCode.TICKET_NOT_CALLED: HTTPStatus.CONFLICT,
    ProblemCode.CODE_EXPIRED: HTTPStatus.GONE,
    ProblemCode.TICKET_MISSED: HTTPStatus.GONE,
    ProblemCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ProblemCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ProblemCode.INVALID_APPLICATION: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.CATEGORY_CLOSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.IDEMPOTENCY_CONFLICT: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.TICKET_INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.CODE_WRONG: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ProblemCode.CODE_LOCKED: HTTPStatus.TOO_MANY_REQUESTS,
    ProblemCode.HEADERS_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ProblemCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
    ProblemCode.FULL: HTTPStatus.SERVICE_UNAVAILABLE,
    ProblemCode.PROGRAMME_CLOSED: HTTPStatus.SERVICE_UNAVAILABLE,
    ProblemCode.STORE_UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ComeBack(Struct, frozen=True):
    """When a request may be granted: never before `seconds`, and up to `spread_seconds` later.

    The spread is the jitter that keeps all who were refused in one second from coming back in one second.
    """

    seconds: int
    spread_seconds: int

    def retry_after(self) -> str:
        jitter_seconds = int(random.random() * (self.spread_seconds + 1))  # noqa: S311 - no secret.
        return str(self.seconds + jitter_seconds)


# Slots free up all the time, but the whole country asks for them: fewer questions, well spread.
WHEN_FULL = ComeBack(10, 20)

# A pause takes minutes at least, and the whole country may be waiting for its end.
WHEN_OPEN_AGAIN = ComeBack(60, 120)

# A restart of Redis takes seconds. What is refused then is cheap, and people should not wait long.
WHEN_STORE_IS_BACK = ComeBack(1, 4)

# One person's own wait needs no wide spread; a second of it covers clocks that differ.
OWN_SPREAD_SECONDS = 2


def after_ms(wait_ms: int) -> ComeBack:
    """Round up, so that nobody is sent away a second time for coming a moment early."""
    return ComeBack(-(-wait_ms // 1000), OWN_SPREAD_SECONDS)


class Refusal(Exception):
    """Any answer that is a problem. `members` are written into it beside the five of RFC 9457."""

    def __init__(
        self,
        code: ProblemCode,
        *,
        come_back: ComeBack | None = None,
        headers: dict[str, str] | None = None,
        detail_key: str | None = None,
        **members: object,
    ) -> None:
        # Python itself has kept the code as the exception's argument; thousands a second are made.
        self.code = code
        self.detail_key = detail_key or f"problem.{code}.detail"
        self.come_back = come_back
        self.headers = headers or {}
        self.members: dict[str, object] = members


class InvalidFields(Refusal):
    """Fields are wrong; their faults are told in the language of whoever reads them."""

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__(ProblemCode.INVALID_APPLICATION)
        self.faults = tuple(faults)


class Unavailable(Refusal):
    """A store is away: whatever was asked may be asked again."""

    def __init__(self) -> None:
        super().__init__(ProblemCode.STORE_UNAVAILABLE, come_back=WHEN_STORE_IS_BACK)


class Quota(Struct, frozen=True):
    """A limit in the words of the IETF draft: at most `count` in `window_seconds`."""

    name: str
    count: int
    window_seconds: int
    # Counted only.
    shadow: bool = False

    @property
    def interval_seconds(self) -> float:
        return self.window_seconds / self.count


class Limited(Refusal):
    """A limit decided; the answer names it in `RateLimit` and `RateLimit-Policy` (IETF draft)."""

    def __init__(self, code: ProblemCode, quota: Quota, wait_ms: int, **members: object) -> None:
        come_back = after_ms(wait_ms)
        headers = {
            "RateLimit-Policy": f'"{quota.name}";q={quota.count};w={quota.window_seconds}',
            "RateLimit": f'"{quota.name}";r=0;t={come_back.seconds}',
        }
        super().__init__(code, come_back=come_back, headers=headers)
        self.members = members
