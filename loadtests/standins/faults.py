"""The fault knobs: how each state system misbehaves, set over HTTP while everything runs."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated

import msgspec
from aiohttp import web

from loadtests.standins.wire import answer, read_json, refusal

Handler = Callable[[web.Request], Awaitable[web.Response]]

# Longer than any deadline worth testing; a knob that outlives its test is a mistake.
MAX_LATENCY_MS = 600_000

# How soon a hanging request notices that its client has left, so that a long outage piles up no requests.
CLIENT_CHECK_SECONDS = 1.0


class System(StrEnum):
    LABOUR_MARKET = "labour-market"
    E_MAKET = "e-maket"
    FUND = "fund"
    SMS = "sms"
    MOBILE_CITIZENS = "mobile-citizens"


class Knobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    latency_ms: Annotated[int, msgspec.Meta(ge=0, le=MAX_LATENCY_MS)] = 0
    error_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    hang: bool = False
    drop_reply: bool = False
    wrong_schema: bool = False


class FaultBoard:
    def __init__(self) -> None:
        self._knobs = {system: Knobs() for system in System}
        self._changed = asyncio.Event()

    def guard(self, system: System, handler: Handler) -> Handler:
        """Misbehave around the handler, in this order: hang, latency, error, effect, reply."""

        async def serve(request: web.Request) -> web.Response:
            if not await self._outlast_hang(system, request):
                return refusal(503, "the client left, nothing took effect")
            knobs = self._knobs[system]
            await asyncio.sleep(knobs.latency_ms / 1000)
            if random.random() < knobs.error_rate:  # noqa: S311 - chance, not a secret
                return refusal(503, "unavailable")
            reply = await handler(request)
            if knobs.drop_reply and request.transport is not None:
                request.transport.abort()
            return answer({"unexpected": [1, 2, 3]}) if knobs.wrong_schema else reply

        return serve

    async def _outlast_hang(self, system: System, request: web.Request) -> bool:
        while self._knobs[system].hang and _has_client(request):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLIENT_CHECK_SECONDS):
                    await self._changed.wait()
        return _has_client(request)

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def show(self, _request: web.Request) -> web.Response:
        return answer(self._knobs)

    async def set(self, request: web.Request) -> web.Response:
        try:
            system = System(request.match_info["system"])
        except ValueError:
            return refusal(404, f"unknown system; there are: {', '.join(System)}")
        self._knobs[system] = await read_json(request, Knobs)
        self._wake()
        return answer(self._knobs[system])

    async def clear(self, _request: web.Request) -> web.Response:
        self.end_all()
        return web.Response(status=204)

    def end_all(self) -> None:
        self._knobs = {system: Knobs() for system in System}
        self._wake()

    async def release(self, _app: web.Application) -> None:
        """Hanging requests would keep a stopping process alive."""
        self.end_all()


def _has_client(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
