"""E-Maket (Е-макет) of the State Corporation: where a verified case goes, once [S1]."""

from datetime import datetime
from http import HTTPStatus
from typing import Protocol

import aiohttp
import msgspec

from workers.systems.errors import StaleToken, System, SystemAnsweredWrong, WrongReason
from workers.systems.fetch import Exchange
from workers.systems.metrics import measured


class Forwarding(msgspec.Struct, frozen=True):
    """What E-Maket is told of a case. `accepted_at` carries its time zone."""

    application_id: str
    number: str
    programme: str
    category: str
    iin: str
    employer: str | None
    full_name: str
    iban: str
    email: str | None
    accepted_at: datetime

    def __repr__(self) -> str:
        """Safe for logs and tracebacks: nothing personal."""
        return f"Forwarding({self.application_id})"


class EMaket(Protocol):
    async def forward(self, case: Forwarding, fencing_token: int) -> None:
        """Have a case processed: once, however often it is called with the same case.

        Raises StaleToken when a later token was seen; SystemUnavailable; SystemAnsweredWrong.
        """


class _Answer(msgspec.Struct, frozen=True):
    application_id: str
    number: str


_ANSWERS = msgspec.json.Decoder(_Answer)


class HttpEMaket:
    def __init__(self, session: aiohttp.ClientSession, base_url: str, deadline_ms: int) -> None:
        self._exchange = Exchange(session, System.E_MAKET, base_url, deadline_ms)

    async def forward(self, case: Forwarding, fencing_token: int) -> None:
        with measured(System.E_MAKET):
            await self._forward(case, fencing_token)

    async def _forward(self, case: Forwarding, fencing_token: int) -> None:
        headers = {"Idempotency-Key": case.application_id, "Fencing-Token": str(fencing_token)}
        try:
            answer = await self._exchange.post("/applications", msgspec.json.encode(case), _ANSWERS, headers)
        except SystemAnsweredWrong as wrong:
            # E-Maket answers 409 for nothing else.
            if wrong.code == HTTPStatus.CONFLICT:
                raise StaleToken from None
            raise
        if answer != _Answer(case.application_id, case.number):
            raise SystemAnsweredWrong(System.E_MAKET, WrongReason.WRONG_SCHEMA)
