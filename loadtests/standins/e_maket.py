"""E-Maket (Е-макет): takes verified applications in, each once, and has each decided a little later [S1]."""

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web
from yarl import URL

from loadtests.standins.deciding import Deciding, Due
from loadtests.standins.wire import Iin, NonEmpty, answer, bad_request, read_json, refusal

# Fencing tokens are 64-bit counters, so no token has more digits than this.
MAX_TOKEN_DIGITS = 19


class Application(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    application_id: NonEmpty
    number: NonEmpty
    programme: NonEmpty
    category: NonEmpty
    iin: Iin
    employer: str | None
    full_name: NonEmpty
    iban: NonEmpty
    email: str | None
    accepted_at: Annotated[datetime, msgspec.Meta(tz=True)]


class Taken(msgspec.Struct):
    """What is remembered of an application: nothing personal."""

    application_id: str
    number: str
    largest_token: int
    effects: int = 0


class EMaket:
    def __init__(self, deciding: Deciding) -> None:
        self._deciding = deciding
        self._taken: dict[str, Taken] = {}
        self._digest_by_key: dict[str, bytes] = {}

    async def take_in(self, request: web.Request) -> web.Response:
        key = request.headers.get("Idempotency-Key") or ""
        if not key:
            raise bad_request("the header Idempotency-Key is missing")
        token = _token_of(request)
        application = await read_json(request, Application)
        return self._take_in(key, token, application, _fund_beside(request))

    def _take_in(self, key: str, token: int, application: Application, fund_url: URL) -> web.Response:
        """One turn of the event loop, so that two calls at once cannot both take effect under one key."""
        taken = self._taken.get(application.application_id)
        if taken and token < taken.largest_token:
            return refusal(409, "stale_token")
        digest = hashlib.sha256(msgspec.json.encode(application)).digest()
        if self._digest_by_key.get(key, digest) != digest:
            return refusal(422, "idempotency_conflict")
        if taken is None:
            taken = Taken(application.application_id, application.number, token)
            self._taken[application.application_id] = taken
            self._deciding.schedule(
                Due(application.application_id, application.number, application.iin), fund_url
            )
        taken.largest_token = token
        is_repeat = key in self._digest_by_key
        if not is_repeat:
            self._digest_by_key[key] = digest
            taken.effects += 1
        content = {"application_id": taken.application_id, "number": application.number, "state": "taken"}
        return answer(content, 200 if is_repeat else 201)

    async def list_applications(self, _request: web.Request) -> web.Response:
        return answer(
            [
                {"application_id": taken.application_id, "number": taken.number, "effects": taken.effects}
                for taken in self._taken.values()
            ]
        )


def _token_of(request: web.Request) -> int:
    text = request.headers.get("Fencing-Token", "")
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_TOKEN_DIGITS):
        raise bad_request("the header Fencing-Token must be a whole number, not negative")
    return int(text)


def _fund_beside(request: web.Request) -> URL:
    """Find the Fund's stand-in: it lives in this very server, wherever this request came in."""
    host, port = request.get_extra_info("sockname")[:2]
    return URL.build(scheme="http", host=host, port=port, path="/fund/assignments")
