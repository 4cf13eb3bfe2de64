"""An SMS provider with the interface of SMSC.kz, whose messages land in an inbox that tests read.

Stricter than the real one where its leniency hides mistakes: `fmt=3` must be asked for (otherwise it answers
in plain text), and so must `charset=utf-8` (otherwise it reads windows-1251, which turns Kazakh into noise).
Texts carry confirmation codes: nothing here ever logs one.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from itertools import count

import msgspec
from aiohttp import web

from loadtests.standins.faults import SWALLOWED
from loadtests.standins.wire import answer, bad_request, read_json

# The same message to the same phone is refused for a minute.
DUPLICATE_SECONDS = 60.0

# SMSC takes a 32-bit number or up to 40 of these characters.
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")

# E.164 allows 15 digits; 11 is the shortest with a country code that this country dials.
_PHONE_DIGITS = range(11, 16)

# GSM 03.38: what a 7-bit message can hold; the extension's characters take two places.
_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("^{}\\[~]|€\f")


class SmscError(IntEnum):
    PARAMETERS = 1
    AUTHORISATION = 2
    PHONE = 7
    DUPLICATE = 9


_ERROR_TEXTS = {
    SmscError.PARAMETERS: "parameters error",
    SmscError.AUTHORISATION: "authorise error",
    SmscError.PHONE: "invalid number",
    SmscError.DUPLICATE: "duplicate request, wait a minute",
}


class Message(msgspec.Struct, frozen=True):
    phone: str
    text: str
    at: datetime


def normalise_phone(phone: str) -> str | None:
    """E.164 from any usual spelling, even with the plus turned into a space by a query string; or None."""
    digits = re.sub(r"[^0-9]", "", phone)
    if len(digits) not in _PHONE_DIGITS:
        return None
    return "+7" + digits[1:] if len(digits) == _PHONE_DIGITS.start and digits[0] == "8" else "+" + digits


def count_segments(text: str) -> int:
    if (_GSM_BASIC | _GSM_EXTENSION).issuperset(text):
        units = sum(2 if character in _GSM_EXTENSION else 1 for character in text)
        alone, joined = 160, 153
    else:
        units = len(text.encode("utf-16-be")) // 2
        alone, joined = 70, 67
    return 1 if units <= alone else -(-units // joined)


class Sms:
    """One provider. Several may fill the same inbox, as they reach the same phones."""

    def __init__(self, inbox: dict[str, list[Message]] | None = None) -> None:
        self._inbox: dict[str, list[Message]] = {} if inbox is None else inbox
        self._taken = 0
        self._sent_at: dict[tuple[str, str], float] = {}
        self._numbers = count(1)

    def beside(self) -> "Sms":
        return Sms(self._inbox)

    async def send_form(self, request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else request.query
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        if fields.get("fmt") != "3" or fields.get("charset", "").lower() != "utf-8":
            return _refuse(SmscError.PARAMETERS)
        return self._send(fields, is_swallowed=SWALLOWED in request)

    async def send_json(self, request: web.Request) -> web.Response:
        fields = await read_json(request, dict[str, str | int])
        texts = {name: str(value) for name, value in fields.items()}
        return self._send(texts, is_swallowed=SWALLOWED in request)

    def _send(self, fields: Mapping[str, str], *, is_swallowed: bool) -> web.Response:
        if not (fields.get("login") and fields.get("psw")):
            return _refuse(SmscError.AUTHORISATION)
        message_id = fields.get("id") or str(next(self._numbers))
        text = fields.get("mes", "")
        listed = [phone for phone in re.split(r"[,;]", fields.get("phones", "")) if phone.strip()]
        if not (text and listed and _MESSAGE_ID.fullmatch(message_id)):
            return _refuse(SmscError.PARAMETERS)
        phones = [phone for phone in map(normalise_phone, listed) if phone]
        if len(phones) < len(listed):
            return _refuse(SmscError.PHONE)
        if any(self._is_duplicate(phone, message_id) for phone in phones):
            return _refuse(SmscError.DUPLICATE)
        for phone in phones:
            self._sent_at[phone, message_id] = time.monotonic()
            self._taken += 1
            if not is_swallowed:
                self._inbox.setdefault(phone, []).append(Message(phone, text, datetime.now(UTC)))
        shown_id = int(message_id) if message_id.isdigit() else message_id
        return answer({"id": shown_id, "cnt": count_segments(text) * len(phones)})

    def _is_duplicate(self, phone: str, message_id: str) -> bool:
        sent_at = self._sent_at.get((phone, message_id))
        return sent_at is not None and time.monotonic() - sent_at < DUPLICATE_SECONDS

    async def read_inbox(self, request: web.Request) -> web.Response:
        if "phone" not in request.query:
            raise bad_request("whose inbox? ?phone=… is missing")
        return answer(self._inbox.get(normalise_phone(request.query["phone"]) or "", []))

    async def count_taken(self, _request: web.Request) -> web.Response:
        return answer({"taken": self._taken})

    async def empty_inbox(self, _request: web.Request) -> web.Response:
        self._inbox.clear()
        return web.Response(status=204)


def _refuse(error: SmscError) -> web.Response:
    """SMSC answers its errors with status 200."""
    return answer({"error": _ERROR_TEXTS[error], "error_code": error.value})
