import asyncio
import itertools
import json
import re
from collections import Counter

from loadtests.bench.closed_loop import run_closed_loop
from loadtests.bench.crowd import run_crowd
from loadtests.bench.generator import lay_on
from loadtests.bench.loads import Applications, ClosedLoop, Crowd, OpenLoop, Polls
from loadtests.bench.open_loop import run_open_loop
from loadtests.bench.plan import usable_cores
from loadtests.people import form
from tests.integration.bench.little_server import answer, serving


async def test_a_closed_loop_counts_every_answer_by_its_status_and_asks_nobody_twice() -> None:
    seen: list[bytes] = []

    async def every_third_is_refused(_: str, body: bytes) -> bytes:
        seen.append(body)
        return answer(503 if len(seen) % 3 == 0 else 202, b"{}")

    async with serving(every_third_is_refused) as port:
        load = ClosedLoop(port, Applications(0, 300), seconds=30, warm_up_seconds=0, connections=8)
        result = await run_closed_loop(load)

    assert result.answers == {"202": 200, "503": 100}
    assert result.lost == 0
    assert sorted(map(json.loads, seen), key=str) == sorted(map(form, range(300)), key=str)


async def test_what_is_answered_in_the_warm_up_is_not_counted() -> None:
    count = itertools.count(1)

    async def answered(_: str, __: bytes) -> bytes:
        next(count)
        return answer(200)

    async with serving(answered) as port:
        load = ClosedLoop(port, Polls(("a",), 1_000_000), seconds=0.2, warm_up_seconds=0.2, connections=2)
        result = await run_closed_loop(load)

    assert 0 < result.answers["200"] < next(count) - 1
    assert 0 < result.seconds <= 0.2


async def test_a_closed_loop_goes_on_where_connections_are_closed_or_break() -> None:
    count = itertools.count()

    async def one_in_four(_: str, __: bytes) -> bytes:
        match next(count) % 4:
            case 0:
                return b""
            case 1:
                return answer(429, b"no", "Connection: close")
            case _:
                return answer(202, b"yes")

    async with serving(one_in_four) as port:
        load = ClosedLoop(port, Applications(0, 200), seconds=30, warm_up_seconds=0, connections=4)
        result = await run_closed_loop(load)

    assert result.answers == {"202": 100, "429": 50}
    assert result.lost == 50


async def test_an_open_loop_charges_a_stall_with_everybody_who_came_meanwhile() -> None:
    count, stalled = itertools.count(), asyncio.Event()

    async def stands_still_for_a_second(_: str, __: bytes) -> bytes:
        n = next(count)
        if n == 20:
            asyncio.get_running_loop().call_later(1, stalled.set)
        if n >= 20:
            await stalled.wait()
        return answer(202)

    async with serving(stands_still_for_a_second) as port:
        # The stall leaves the connections full: most of those who come meanwhile are not even sent.
        load = OpenLoop(port, Applications(0, 1_000), seconds=1.2, per_second=200, most_connections=4)
        result = await run_open_loop(load)

    assert result.lost == 0
    assert result.answers["202"] == result.answers["sent"]
    # Evenly from nothing to a second for those of the stall, and they are nearly all.
    assert result.latency["202"].p50_ms > 250
    assert result.latency["202"].p99_ms > 800


async def test_an_open_loop_does_not_slow_down_with_the_server() -> None:
    asked = itertools.count()

    async def never(_: str, __: bytes) -> bytes:
        next(asked)
        await asyncio.Event().wait()
        return b""

    async with serving(never) as port:
        load = OpenLoop(
            port, Polls(("a",), 1_000), seconds=0.5, per_second=200, most_connections=4, patience_seconds=0.1
        )
        result = await run_open_loop(load)

    assert set(result.answers) == {"sent"}
    assert result.lost == result.answers["sent"] > 50
    assert next(asked) == 4


async def test_who_waits_too_long_for_an_answer_is_counted_apart() -> None:
    async def slow(_: str, __: bytes) -> bytes:
        await asyncio.sleep(0.1)
        return answer(202)

    async with serving(slow) as port:
        load = OpenLoop(port, Applications(0, 100), seconds=0.3, per_second=50, patience_seconds=0.05)
        result = await run_open_loop(load)

    assert "202" not in result.answers
    assert result.answers.get("late 202", 0) + result.lost == result.answers["sent"]


async def test_a_crowd_takes_the_ticket_asks_when_told_and_claims_when_called() -> None:
    asked: dict[str, list[str]] = {}

    async def door(head: str, _: bytes) -> bytes:
        client = re.search(r"X-Forwarded-For: (\S+)", head)
        ticket = re.search(r"Waiting-Ticket: (\S+)", head)
        steps = asked.setdefault(client[1] if client else "", [])
        steps.append(head.partition(" /v1/")[0] + (" " + ticket[1] if ticket else ""))
        return DOOR[len(steps) - 1]

    told = {"ticket": "t", "poll_after_ms": 20}
    DOOR = [  # noqa: N806 - the same for everybody.
        answer(429, b'{"code": "rate_limited"}', "Retry-After: 0"),
        answer(503, json.dumps(told).encode()),
        answer(200, json.dumps({**told, "state": "waiting"}).encode()),
        answer(200, json.dumps({**told, "state": "called"}).encode()),
        answer(409, b'{"code": "ticket_not_called"}', "Retry-After: 0"),
        answer(200, json.dumps({**told, "state": "called"}).encode()),
        answer(202, b'{"id": "a"}'),
    ]
    async with serving(door) as port:
        result = await run_crowd(Crowd(port, first=0, seconds=1.5, per_second=20))

    whole_way = ["POST", "POST", "GET t", "GET t", "POST t", "GET t", "POST t"]
    assert all(steps == whole_way[: len(steps)] for steps in asked.values())
    finished = sum(steps == whole_way for steps in asked.values())
    assert result.answers["claim 202"] == finished > 0
    assert result.answers["apply 429"] == len(asked)


async def test_a_generator_is_a_process_of_its_own_that_tells_what_it_found() -> None:
    agents: Counter[str] = Counter()

    async def answered(head: str, _: bytes) -> bytes:
        agents[head.partition(" ")[0]] += 1
        return answer(200, b"{}")

    async with serving(answered) as port:
        load = ClosedLoop(port, Polls(("a",), 50), seconds=30, warm_up_seconds=0, connections=2)
        result = await lay_on(load, usable_cores()[-1])

    assert result.answers == {"200": 50}
    assert agents == {"GET": 50}
