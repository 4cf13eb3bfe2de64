"""The Labour Market system (Еңбек нарығы): tells whether a person works as the application says [S1]."""

from collections import Counter

import msgspec
from aiohttp import web

from loadtests.standins.verdicts import Fate, fate_of
from loadtests.standins.wire import Iin, NonEmpty, answer, read_json

# The person with the serial 9992 is found at the third asking.
UNKNOWN_ASKINGS = 2


class Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    application_id: NonEmpty
    iin: Iin
    employer: str | None
    category: NonEmpty


class LabourMarket:
    def __init__(self) -> None:
        self._askings: Counter[str] = Counter()

    async def verify(self, request: web.Request) -> web.Response:
        question = await read_json(request, Verification)
        self._askings[question.application_id] += 1
        match fate_of(question.iin):
            case Fate.LABOUR_MARKET_FAILS:
                return answer({"verdict": "fail", "reason": "not_employed"})
            case Fate.LABOUR_MARKET_NEVER_KNOWS:
                return answer({"verdict": "unknown", "reason": "no_record"})
            case Fate.LABOUR_MARKET_KNOWS_LATER if self._askings[question.application_id] <= UNKNOWN_ASKINGS:
                return answer({"verdict": "unknown", "reason": "no_record"})
        return answer({"verdict": "pass", "reason": None})

    async def list_verifications(self, _request: web.Request) -> web.Response:
        return answer([{"application_id": asked, "askings": n} for asked, n in self._askings.items()])
