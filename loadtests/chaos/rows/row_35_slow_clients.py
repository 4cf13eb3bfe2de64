"""Row 35: thousands of connections that send slowly, read slowly, or do nothing; and people who apply."""

import asyncio
import resource
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec

from loadtests.bench.agenda import Agenda, plan_arrivals
from loadtests.bench.calls import Calls
from loadtests.bench.loads import SENT, Result
from loadtests.bench.pinned import ROOT, pinned
from loadtests.bench.pool import Pool
from loadtests.bench.requests import apply
from loadtests.chaos.gateway import CLIENT_CORE, PATIENCE_SECONDS, Gateway, gateway
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.slow_clients import Treated
from loadtests.people import address

_HEADERS, _BODIES, _READERS, _IDLE = 500, 500, 100, 10_000
_CALM_SECONDS, _SECONDS, _SUBMITS_PER_SECOND = 10.0, 30.0, 30.0
# The p99 may be a fifth longer; below this it is noise.
_MOST_TIMES_LONGER, _NOISE_MS = 1.2, 20.0
# The server gives headers and body five seconds each, and an answer that nobody reads ten once buffers are
# full; it does so with thousands at once.
_MOST_BORNE_SECONDS = 20.0


async def run(folder: Path) -> Measured:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 2 * _IDLE:
        return Measured(verdict=Verdict.NOT_RUN, says=f"Only {most} files may be open here.")
    async with gateway(folder) as door:
        calm = await _submit(door, 0, _CALM_SECONDS)
        async with _attacked(door.port) as attackers:
            pressed = await _submit(door, 1_000_000, _SECONDS)
            said, _ = await attackers.communicate(b"\n")
    treated = msgspec.json.decode(said, type=Treated)
    before_ms, during_ms = _p99_ms(calm), _p99_ms(pressed)
    is_quick = during_ms <= max(_MOST_TIMES_LONGER * before_ms, before_ms + _NOISE_MS)
    in_time, sent = pressed.answers.get("202", 0), pressed.answers[SENT]
    are_out = max(treated.borne_seconds.values()) <= _MOST_BORNE_SECONDS
    borne = ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in treated.borne_seconds.items())
    return Measured(
        verdict=Verdict.HELD if is_quick and in_time == sent and are_out else Verdict.BROKEN,
        says=f"{treated.connected} open at the end ({_HEADERS} slow headers, {_BODIES} slow bodies, "
        f"{_READERS} that read nothing, {_IDLE} idle; put out, and there again, "
        f"{sum(treated.put_out.values())} times); borne at most: {borne}. People's p99: {before_ms:.0f} ms "
        f"before, {during_ms:.0f} ms meanwhile; {in_time} of {sent} forms taken within "
        f"{PATIENCE_SECONDS:.0f} s.",
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
async def _attacked(port: int) -> AsyncIterator[Process]:
    many = map(str, (port, _HEADERS, _BODIES, _READERS, _IDLE))
    process = await asyncio.create_subprocess_exec(
        *pinned(CLIENT_CORE, [sys.executable, "-m", "loadtests.chaos.slow_clients", *many]),
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        if process.stdout is None or await process.stdout.readline() != b"ready\n":
            raise RuntimeError("the slow clients did not connect")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _p99_ms(result: Result) -> float:
    """Of whoever was answered, late ones too."""
    return max((one.p99_ms for answer, one in result.latency.items() if answer.endswith("202")), default=0.0)


ROW = Row(
    number=35,
    title="slow headers, slow bodies, nothing read, 10 000 idle connections",
    expected="put out in time; people's p99 at most a fifth longer",
    broken_once="With a minute for headers those who sent them slowly were borne for 31 s.",
    run=run,
)
