"""Programmes as those who watch see them: now, the last quarter of an hour, and second by second."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Struct

from gateway.http.refusals import Unavailable
from gateway.http.request import AnyRequest
from gateway.operators.access import credential_of
from gateway.operators.doorkeeper import Doorkeeper
from gateway.operators.problems import Problem, Refused
from gateway.operators.room import room_of
from gateway.operators.sampling import Sample
from gateway.operators.states import State
from gateway.operators.watching import EVERY_SECONDS, Events, Watch
from gateway.register.tokens import Role

# A stream is silent for longer only when the process is in trouble: a line keeps proxies from cutting it.
_SILENCE_SECONDS = 10.0

_BYE = b"event: bye\ndata: {}\n\n"
_STILL_HERE = b": \n\n"


class ProgrammeName(Struct, frozen=True):
    code: str
    titles: dict[str, str]


class History(Struct, frozen=True):
    """Newest last."""

    every_seconds: float
    samples: Sequence[Sample]


@get("/v1/programmes", role=Role.VIEWER)
async def list_programmes(request: AnyRequest) -> list[ProgrammeName]:
    programmes = room_of(request).desk.programmes.values()
    return [ProgrammeName(one.code, one.titles) for one in programmes]


@get("/v1/programmes/{programme:str}", role=Role.VIEWER)
async def show_state(request: AnyRequest, programme: FromPath[str]) -> State:
    state = room_of(request).watch(programme).state
    if state is None:
        raise Refused(Problem.STORE_UNAVAILABLE)
    return state


@get("/v1/programmes/{programme:str}/history", role=Role.VIEWER)
async def show_history(request: AnyRequest, programme: FromPath[str]) -> History:
    return History(EVERY_SECONDS, list(room_of(request).watch(programme).samples))


@get("/v1/programmes/{programme:str}/events", role=Role.VIEWER)
async def stream_events(request: AnyRequest, programme: FromPath[str]) -> Stream:
    watch = room_of(request).watch(programme)
    events = watch.watch()
    credential = credential_of(request)
    if events is None or credential is None:
        raise Refused(Problem.RATE_LIMITED)
    # Of what is buffered on the way nobody sees a second.
    headers = {"X-Accel-Buffering": "no"}
    stream = _follow(watch, events, room_of(request).doorkeeper, credential.token)
    return Stream(stream, media_type="text/event-stream", headers=headers)


async def _follow(
    watch: Watch, events: Events, doorkeeper: Doorkeeper, token: str
) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            try:
                event = await asyncio.wait_for(events.get(), _SILENCE_SECONDS)
            except TimeoutError:
                event = _STILL_HERE
            if event is None:
                return
            if not await _may_stay(doorkeeper, token):
                yield _BYE
                return
            yield event
    finally:
        watch.leave(events)


async def _may_stay(doorkeeper: Doorkeeper, token: str) -> bool:
    try:
        return await doorkeeper.find(token) is not None
    except Unavailable:
        return False
