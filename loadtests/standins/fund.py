"""The State Social Insurance Fund (МӘСҚ / ГФСС): assigns the payment, or denies it [S1]."""

import msgspec
from aiohttp import web

from loadtests.standins.verdicts import Fate, fate_of
from loadtests.standins.wire import Iin, NonEmpty, answer, read_json


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    application_id: NonEmpty
    number: NonEmpty
    iin: Iin


async def assign(request: web.Request) -> web.Response:
    asked = await read_json(request, Request)
    if fate_of(asked.iin) is Fate.FUND_DENIES:
        return answer({"decision": "denied", "reason": "no_contributions"})
    return answer({"decision": "assigned", "reason": None})
