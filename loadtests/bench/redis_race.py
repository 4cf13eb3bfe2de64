"""Four processes race for the last hundred of 25 000 slots, again and again: there is never one too many.

The slots before are written straight into Redis, as confirmed cases, which never lapse. What is raced for
goes through the desk and the function of the gateway.
"""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from typing import cast

import msgspec

from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import tick
from gateway.inflight.store import Store, door_key
from loadtests.aof import Command, read_steps, recompute_live
from loadtests.bench.figures import Figure
from loadtests.bench.pinned import ROOT
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_applications import NEVER_MS, PROGRAMME
from loadtests.bench.redis_racer import Heat
from loadtests.bench.redis_server import redis_server

ROUNDS = 20
RACERS = 4
LAST_SLOTS = 100


class Outcome(msgspec.Struct, frozen=True):
    """What one round came to: the most ever live by the function's mark and by the file; who got in."""

    high: int
    recomputed_high: int
    taken_above: int
    persons: int


async def race_for_the_last_slots(plan: BenchPlan) -> list[Figure]:
    async with redis_server(plan) as server:
        racers = [await _start_racer(server.url, number) for number in range(RACERS)]
        heats = [Heat(f"race{number}", number) for number in range(ROUNDS)]
        persons = [await _run(server.store, heat, racers) for heat in heats]
        await asyncio.gather(*(racer.communicate(b"") for racer in racers))
        marks = [await _high(server.store, heat.programme) for heat in heats]
        steps = list(read_steps(server.aof))
    rows = zip(heats, marks, persons, strict=True)
    return _figures([_judge(heat.programme, high, count, steps) for heat, high, count in rows])


async def _start_racer(url: str, number: int) -> Process:
    argv = [sys.executable, "-m", "loadtests.bench.redis_racer", url, str(number)]
    return await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdin=PIPE, stdout=PIPE)


async def _run(store: Store, heat: Heat, racers: list[Process]) -> int:
    """Return how many persons got one of the last slots."""
    await tick(store, heat.programme, PROGRAMME.slots, KEPT_MS)
    before = {f"{n:032x}": NEVER_MS for n in range(PROGRAMME.slots - LAST_SLOTS)}
    await store.redis.zadd(f"{{{heat.programme}}}:slots", before)
    # First all make ready, then all are sent off.
    for line in (msgspec.json.encode(heat), b""):
        answers = await asyncio.gather(*(_ask(racer, line) for racer in racers))
    return len({person for answer in answers for person in msgspec.json.decode(answer, type=list[str])})


async def _ask(racer: Process, line: bytes) -> bytes:
    # Both are pipes, as `_start_racer` asked for.
    stdin, stdout = cast("StreamWriter", racer.stdin), cast("StreamReader", racer.stdout)
    stdin.write(line + b"\n")
    return await stdout.readline()


async def _high(store: Store, programme: str) -> int:
    return int(await store.redis.hget(door_key(programme), "high"))  # type: ignore[misc]  # redis-py types one method for sync and async.


def _judge(programme: str, high: int, persons: int, steps: list[list[Command]]) -> Outcome:
    seen = list(recompute_live(steps, programme))
    return Outcome(high, max(one.live for one in seen), sum(one.is_over for one in seen), persons)


def _figures(outcomes: list[Outcome]) -> list[Figure]:
    highs = [one.high for one in outcomes]
    recomputed = [one.recomputed_high for one in outcomes]
    race = f"race, {ROUNDS} rounds"
    rows = [
        (f"{race}: most ever live, by the function", max(highs), "slots", PROGRAMME.slots, True),
        (f"{race}: most ever live, by the file", max(recomputed), "slots", PROGRAMME.slots, True),
        (f"{race}: most live in the emptiest", min(highs + recomputed), "slots", PROGRAMME.slots, False),
        (f"{race}: taken above the limit", sum(one.taken_above for one in outcomes), "slots", 0, True),
        (f"{race}: fewest let in", min(one.persons for one in outcomes), "people", LAST_SLOTS, False),
        (f"{race}: most let in", max(one.persons for one in outcomes), "people", LAST_SLOTS, True),
    ]
    return [
        Figure(name=name, value=value, unit=unit, target=target, at_most=at_most)
        for name, value, unit, target, at_most in rows
    ]
