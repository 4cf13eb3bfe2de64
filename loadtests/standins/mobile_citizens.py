"""The mobile citizens' base (БМГ): tells whether a phone is registered to a person."""

from collections import Counter

import msgspec
from aiohttp import web

from loadtests.standins.faults import FaultBoard, System
from loadtests.standins.verdicts import Fate, fate_of
from loadtests.standins.wire import Iin, NonEmpty, Phone, answer, read_json

# Whoever has the serial 9994 owns the numbers that end like the IIN, and no others.
_LAST_DIGITS = 4


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    application_id: NonEmpty
    iin: Iin
    phone: Phone


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`iin` is None for a number that is registered to nobody."""

    phone: Phone
    iin: Iin | None


class MobileCitizens:
    def __init__(self) -> None:
        self._owners: dict[str, str | None] = {}
        self._askings: Counter[str] = Counter()

    def routes(self, board: FaultBoard) -> list[web.RouteDef]:
        tell = board.guard(System.MOBILE_CITIZENS, self.tell)
        return [
            web.post("/mobile-citizens/ownerships", tell),
            web.get("/mobile-citizens/ownerships", self.list_askings),
            web.put("/mobile-citizens/owners", self.set_owners),
        ]

    async def tell(self, request: web.Request) -> web.Response:
        question = await read_json(request, Question)
        self._askings[question.application_id] += 1
        return answer({"belongs": self._belongs(question)})

    def _belongs(self, question: Question) -> bool:
        if question.phone in self._owners:
            return self._owners[question.phone] == question.iin
        if fate_of(question.iin) is Fate.OWNS_WHAT_ENDS_ALIKE:
            return question.phone[-_LAST_DIGITS:] == question.iin[-_LAST_DIGITS:]
        return True

    async def set_owners(self, request: web.Request) -> web.Response:
        for owner in await read_json(request, list[Owner]):
            self._owners[owner.phone] = owner.iin
        return web.Response(status=204)

    async def list_askings(self, _request: web.Request) -> web.Response:
        return answer([{"application_id": asked, "askings": n} for asked, n in self._askings.items()])
