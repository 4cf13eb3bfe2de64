"""SMS through a provider that speaks the interface of SMSC.kz."""

from typing import Protocol
from urllib.parse import urlencode

import aiohttp
import msgspec

from workers.systems.errors import (
    System,
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
    WrongReason,
)
from workers.systems.fetch import Exchange
from workers.systems.metrics import measured

# SMSC's error codes. Parameters, number, undeliverable: this message will never go.
_REFUSED_CODES = frozenset({1, 7, 8})
# The same message within a minute, or too many calls at once: only the text tells which.
_DUPLICATE_OR_TOO_MANY = 9
_DUPLICATE = "duplicate"


class SmsProvider(Protocol):
    system: System

    async def send(self, phone: str, text: str, message_id: str) -> None:
        """Return when the provider has taken the message, also if it had it already.

        `phone` is E.164; `message_id` is at most 40 Latin letters, digits, `.`, `-`, `_`.
        Raises SystemUnavailable when the provider can send nothing now, and SystemAnsweredWrong when it will
        never send this message.
        """


class _Answer(msgspec.Struct, frozen=True):
    """Either `id` and `cnt` (segments), or `error` and `error_code`."""

    id: int | str | None = None
    cnt: int | None = None
    error: str = ""
    error_code: int | None = None


_ANSWERS = msgspec.json.Decoder(_Answer)


class SmscProvider:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        deadline_ms: int,
        *,
        login: str,
        password: str,
        sender: str,
        system: System = System.SMS,
    ) -> None:
        """`url` is the root, such as https://smsc.kz; an empty `sender` leaves the name to the provider."""
        self.system = system
        self._exchange = Exchange(session, system, url, deadline_ms)
        self._fields = {"login": login, "psw": password, "fmt": "3", "charset": "utf-8"}
        if sender:
            self._fields["sender"] = sender

    async def send(self, phone: str, text: str, message_id: str) -> None:
        # A form and never a query: URLs end up in logs, and this one holds a code and a password.
        form = urlencode({**self._fields, "phones": phone, "mes": text, "id": message_id}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with measured(self.system):
            answer = await self._exchange.post("/sys/send.php", form, _ANSWERS, headers)
            _check_answer(self.system, answer)


def _check_answer(system: System, answer: _Answer) -> None:
    if answer.error_code is not None:
        _check_error(system, answer.error_code, answer.error)
    elif answer.id is None or answer.cnt is None:
        raise SystemAnsweredWrong(system, WrongReason.WRONG_SCHEMA)


def _check_error(system: System, code: int, text: str) -> None:
    if code in _REFUSED_CODES:
        raise SystemAnsweredWrong(system, WrongReason.MESSAGE_REFUSED, code)
    if code != _DUPLICATE_OR_TOO_MANY:
        # Login, money, blocked address, forbidden sender: others' messages would not go either.
        raise SystemUnavailable(system, UnavailableReason.STATUS)
    if _DUPLICATE not in text:
        raise SystemUnavailable(system, UnavailableReason.RATE_LIMITED)
