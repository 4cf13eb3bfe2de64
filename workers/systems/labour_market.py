"""The Labour Market system (Еңбек нарығы): verifies an application before it goes to E-Maket [S1]."""

from enum import StrEnum
from typing import Annotated, Literal, Protocol

import aiohttp
import msgspec

from workers.systems.errors import System
from workers.systems.fetch import Exchange
from workers.systems.metrics import measured

# Reasons go into the journal and the logs, so free text, which might name somebody, is not let in.
ReasonCode = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z_]{0,63}\Z")]


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Verdict(msgspec.Struct, frozen=True):
    outcome: Outcome
    reason: str | None


class LabourMarket(Protocol):
    async def verify(self, *, application_id: str, iin: str, employer: str | None, category: str) -> Verdict:
        """Ask once, safe to repeat. Raises SystemUnavailable and SystemAnsweredWrong."""


class _Question(msgspec.Struct, frozen=True):
    application_id: str
    iin: str
    employer: str | None
    category: str


class _Answer(msgspec.Struct, frozen=True):
    verdict: Literal["pass", "fail", "unknown"]
    reason: ReasonCode | None = None


_ANSWERS = msgspec.json.Decoder(_Answer)
_OUTCOMES = {"pass": Outcome.PASSED, "fail": Outcome.FAILED, "unknown": Outcome.UNKNOWN}


class HttpLabourMarket:
    def __init__(self, session: aiohttp.ClientSession, base_url: str, deadline_ms: int) -> None:
        self._exchange = Exchange(session, System.LABOUR_MARKET, base_url, deadline_ms)

    async def verify(self, *, application_id: str, iin: str, employer: str | None, category: str) -> Verdict:
        question = msgspec.json.encode(_Question(application_id, iin, employer, category))
        with measured(System.LABOUR_MARKET):
            answer = await self._exchange.post("/verifications", question, _ANSWERS, {})
        return Verdict(_OUTCOMES[answer.verdict], answer.reason)
