"""The mobile citizens' base (База мобильных граждан, БМГ): tells whether a phone is a person's own."""

from typing import Protocol

import aiohttp
import msgspec

from workers.systems.errors import System
from workers.systems.fetch import Exchange
from workers.systems.metrics import measured


class MobileCitizens(Protocol):
    async def belongs(self, *, application_id: str, iin: str, phone: str) -> bool:
        """Ask once, safe to repeat; `phone` as E.164. Raises SystemUnavailable and SystemAnsweredWrong."""


class _Question(msgspec.Struct, frozen=True):
    application_id: str
    iin: str
    phone: str


class _Answer(msgspec.Struct, frozen=True):
    belongs: bool


_ANSWERS = msgspec.json.Decoder(_Answer)


class HttpMobileCitizens:
    def __init__(self, session: aiohttp.ClientSession, base_url: str, deadline_ms: int) -> None:
        self._exchange = Exchange(session, System.MOBILE_CITIZENS, base_url, deadline_ms)

    async def belongs(self, *, application_id: str, iin: str, phone: str) -> bool:
        question = msgspec.json.encode(_Question(application_id, iin, phone))
        with measured(System.MOBILE_CITIZENS):
            answer = await self._exchange.post("/ownerships", question, _ANSWERS, {})
        return answer.belongs
