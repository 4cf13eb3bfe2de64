"""Row 35: thousands of connections that send slowly, read slowly, or do nothing; and people who apply."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path

from loadtests.bench.agenda import Agenda, plan_arrivals
from loadtests.bench.calls import Calls
from loadtests.bench.loads import SENT, Result
from loadtests.bench.pool import Pool
from loadtests.bench.requests import HOST, apply
from loadtests.chaos.gateway import PATIENCE_SECONDS, Gateway, gateway
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.people import address

_LEAST_IDLE = 1_000
_SLOW_HEADERS, _SLOW_BODIES, _SLOW_READERS, _IDLE = 500, 500, 500, 10_000
_CALM_SECONDS, _SECONDS, _SUBMITS_PER_SECOND = 10.0, 25.0, 30.0
# The p99 may be a fifth longer; below a few milliseconds that is noise.
_MOST_TIMES_LONGER, _NOISE_MS = 1.2, 15.0
_BYTE_EVERY_SECONDS = 1.0
# The server gives headers and body five seconds each.
_MOST_HELD_SECONDS = 12.0

_HEAD = f"POST /v1/programmes/42500/applications HTTP/1.1\r\nHost: {HOST}\r\n"
_BODY_HEAD = f"{_HEAD}Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n"
_FACTS = f"GET /v1/programmes/42500 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"

Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Attackers:
    """Each connects again once it was put out. `held_seconds`: the longest that one was borne."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.connected = self.put_out = 0
        self.held_seconds = 0.0

    async def keep_at_it(self, attack: Attack) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection(HOST, self._port, limit=1_024)
                began = time.monotonic()
                self.connected += 1
                try:
                    await attack(reader, writer)
                finally:
                    self.connected -= 1
                    writer.transport.abort()
                self.put_out += 1
                self.held_seconds = max(self.held_seconds, time.monotonic() - began)
            await asyncio.sleep(0.2)


async def run(folder: Path) -> Measured:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    idle = min(_IDLE, most - 4_000)
    if idle < _LEAST_IDLE:
        return Measured(verdict=Verdict.NOT_RUN, says=f"Only {most} files may be open here.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    async with gateway(folder) as door:
        calm = await _submit(door, 0, _CALM_SECONDS)
        async with _attacked(door.port, idle) as attackers:
            pressed = await _submit(door, 1_000_000, _SECONDS)
            connected = attackers.connected
    before_ms, during_ms = calm.latency["202"].p99_ms, _p99_ms(pressed)
    is_quick = during_ms <= max(_MOST_TIMES_LONGER * before_ms, before_ms + _NOISE_MS)
    in_time, sent = pressed.answers.get("202", 0), pressed.answers[SENT]
    held = is_quick and in_time == sent and attackers.held_seconds <= _MOST_HELD_SECONDS
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{connected} open: {_SLOW_HEADERS} slow headers, {_SLOW_BODIES} slow bodies, {_SLOW_READERS} "
        f"that read nothing, {idle} idle; {attackers.put_out} put out, the most patiently after "
        f"{attackers.held_seconds:.0f} s. People's p99: {before_ms:.0f} ms before, {during_ms:.0f} ms "
        f"meanwhile; {in_time} of {sent} forms taken.",
        acknowledged=in_time,
    )


async def _submit(door: Gateway, first: int, seconds: float) -> Result:
    """Each person with a connection of its own: the door must let newcomers in, too."""
    calls = Calls(Pool(door.port, 500), PATIENCE_SECONDS)
    agenda, began = Agenda(), time.perf_counter()
    requests = (apply(n, address(n)).replace(b"\r\n", b"\r\nConnection: close\r\n", 1) for n in count(first))
    for at in plan_arrivals(_SUBMITS_PER_SECOND, seconds):
        agenda.add(began + at, lambda planned: calls.make(planned, "", next(requests)))
    await agenda.follow(began + seconds)
    return await calls.finish(began, began + seconds)


@asynccontextmanager
async def _attacked(port: int, idle: int) -> AsyncIterator[Attackers]:
    attackers = Attackers(port)
    plan: list[tuple[Attack, int]] = [
        (_send_headers_slowly, _SLOW_HEADERS),
        (_send_body_slowly, _SLOW_BODIES),
        (_read_nothing, _SLOW_READERS),
        (_do_nothing, idle),
    ]
    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(attackers.keep_at_it(deed)) for deed, many in plan for _ in range(many)]
        stack.push_async_callback(_end, tasks)

        # Half of them are in before people come.
        async def are_in() -> bool:
            return attackers.connected > len(tasks) // 2

        await until(are_in)
        yield attackers


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _send_headers_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _trickle(reader, writer, _HEAD.encode() + b"X-More: " + b"x" * 200)


async def _send_body_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_BODY_HEAD.encode())
    await _trickle(reader, writer, b"{" * 200)


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> None:
    answered = asyncio.ensure_future(reader.read(1))
    try:
        for at in range(len(data)):
            writer.write(data[at : at + 1])
            if (await asyncio.wait([answered], timeout=_BYTE_EVERY_SECONDS))[0]:
                return
    finally:
        answered.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await answered


async def _read_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ask for more than the buffers hold, and leave it there."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # A socket's transport reads.
    while not writer.transport.is_closing():
        writer.write(_FACTS.encode() * 20)
        await asyncio.wait_for(writer.drain(), 60)
        await asyncio.sleep(_BYTE_EVERY_SECONDS)


async def _do_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read(1)


def _p99_ms(result: Result) -> float:
    """Of whoever was answered, late ones too."""
    return max((one.p99_ms for answer, one in result.latency.items() if answer.endswith("202")), default=0.0)


ROW = Row(
    number=35,
    title="slow headers, slow bodies, nothing read, 10 000 idle connections",
    expected="put out in time; people's p99 at most a fifth longer",
    broken_once="",
    run=run,
)
