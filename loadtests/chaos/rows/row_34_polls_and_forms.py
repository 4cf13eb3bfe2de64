"""Row 34: those who look how their application is doing are far more than can be answered; some apply."""

import asyncio
import time
from collections import Counter
from itertools import count, cycle
from pathlib import Path

import msgspec

from loadtests.bench.agenda import Agenda, plan_arrivals
from loadtests.bench.calls import Calls
from loadtests.bench.http1 import Answer
from loadtests.bench.http_measure import ask
from loadtests.bench.loads import SENT, Result
from loadtests.bench.pool import Pool
from loadtests.bench.requests import HOST, apply
from loadtests.chaos.gateway import PATIENCE_SECONDS, Gateway, gateway
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.people import address

_LOOKERS = 200
_SECONDS = 20.0
_FLOOD, _SUBMITS_PER_SECOND = 3.0, 20.0
_LEAST_PERCENT = 99.0
_FIRST_SUBMIT = 1_000_000
_LOOK_AGAIN_SECONDS = 3.0


class Submitted(msgspec.Struct):
    id: str
    receipt: str


async def run(folder: Path) -> Measured:
    async with gateway(folder) as door:
        looks = [await _one_more(door, n) for n in range(_LOOKERS)]
        capacity = await _capacity(door, looks)
        polls, submits = await _press(door, looks, _FLOOD * capacity)
    accepted = 100 * submits.answers.get("202", 0) / max(submits.answers[SENT], 1)
    polled = Counter(polls.answers)
    late = polls.lost + polled["late 200"] + polled["late 503"]
    latency = submits.latency.get("202")
    return Measured(
        verdict=Verdict.HELD if accepted >= _LEAST_PERCENT else Verdict.BROKEN,
        says=f"{polls.per_second(SENT):.0f} looks a second at a door that answers {capacity:.0f}: of "
        f"{submits.answers[SENT]} forms {accepted:.1f} % were taken within {PATIENCE_SECONDS:.0f} s (p99 "
        f"{latency.p99_ms if latency else 0:.0f} ms); looks answered {polled['200'] / _SECONDS:.0f}/s, put "
        f"off {polled['503'] / _SECONDS:.0f}/s, late or unanswered {late}.",
        acknowledged=submits.answers.get("202", 0),
    )


async def _one_more(door: Gateway, n: int) -> bytes:
    """Apply, and return the request with which this one looks."""
    said = msgspec.json.decode((await ask(door.port, apply(n, address(n)))).body, type=Submitted)
    return (
        f"GET /v1/applications/{said.id} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {address(n)}\r\n"
        f"Authorization: Bearer {said.receipt}\r\n\r\n"
    ).encode()


async def _capacity(door: Gateway, looks: list[bytes]) -> float:
    """Looks answered a second while 32 people look at any time."""
    answered, ends = 0, time.perf_counter() + _LOOK_AGAIN_SECONDS
    pool = Pool(door.port, 32)
    done = asyncio.Event()

    def again(answer: Answer | None) -> None:
        nonlocal answered
        answered += answer is not None and answer.status == 200  # noqa: PLR2004 - OK.
        if time.perf_counter() < ends:
            pool.send(looks[answered % len(looks)], again)
        else:
            done.set()

    for n in range(32):
        pool.send(looks[n], again)
    await done.wait()
    pool.close()
    return answered / _LOOK_AGAIN_SECONDS


async def _press(door: Gateway, looks: list[bytes], per_second: float) -> tuple[Result, Result]:
    polls, submits = (Calls(Pool(door.port, 1_000), PATIENCE_SECONDS) for _ in range(2))
    looking, applying = cycle(looks), (apply(n, address(n)) for n in count(_FIRST_SUBMIT))
    agenda, began = Agenda(), time.perf_counter()
    for at in plan_arrivals(per_second, _SECONDS):
        agenda.add(began + at, lambda planned: polls.make(planned, "", next(looking)))
    for at in plan_arrivals(_SUBMITS_PER_SECOND, _SECONDS, seed=1):
        agenda.add(began + at, lambda planned: submits.make(planned, "", next(applying)))
    ended = began + _SECONDS
    await agenda.follow(ended)
    return await polls.finish(began, ended), await submits.finish(began, ended)


ROW = Row(
    number=34,
    title="three times as many looks at a status as can be answered, and people who apply",
    expected="at least 99 % of the forms are taken",
    broken_once="When looks could take all connections to Redis, 20 % of the forms were taken.",
    run=run,
)
