"""The admission function against SET, both durable, by redis-benchmark with 50 connections.

Its random numbers have ten digits after two zeros, so that places in the line come into few and large hashes
instead of many small ones. All else is as the gateway sends it, down to the length of each argument.
"""

import asyncio
import csv
import shutil
from asyncio.subprocess import PIPE

import msgspec

from gateway.inflight.library import Verb, load_library
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import tick
from gateway.inflight.steering import change_controls
from gateway.inflight.store import Store, door_key
from loadtests.bench.figures import Figure, median_figure, ratio_figure
from loadtests.bench.http_measure import NotAsExpected
from loadtests.bench.pinned import ROOT, pinned
from loadtests.bench.plan import BenchPlan, NotRun
from loadtests.bench.redis_applications import PROGRAMME, application, rules
from loadtests.bench.redis_server import redis_server

CONNECTIONS = 50
PER_CALL = 16
SLOTS = 1_000_000
LEAST_RATIO = 0.6

# About what is reached here, so that each measurement takes the planned time.
_SETS_PER_SECOND, _CALLS_PER_SECOND = 60_000, 2_500

# Filled in anew with each call, as twelve digits; the range is that of random().
_RANDOM, _RANGE = "__rand_int__", 2**31 - 1
# What another person's application never has in common with this one.
_DISTINCT = {"id", "address", "person", "proof", "receipt_hash", "idempotency"}

_SET, _ADMIT, _REFUSE = (
    "SET, durable",
    "admissions by the function, 16 a call",
    "refusals with a ticket, 16 a call",
)


# Random numbers meet now and then: two strangers are the same person then.
_SAME_BY_CHANCE = 0.001


async def measure_the_function(plan: BenchPlan) -> list[Figure]:
    """Raises NotRun without redis-benchmark, NotAsExpected when the function did something else."""
    binary = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    if binary is None:
        raise NotRun("redis-benchmark is not installed")
    rounds = [await _measure_once(plan, binary) for _ in range(plan.repetitions)]
    admitted, refused = ([(one[name], one[_SET]) for one in rounds] for name in (_ADMIT, _REFUSE))
    return [
        ratio_figure(f"{_ADMIT} ÷ {_SET}", admitted, "/s", baseline=_SET, target=LEAST_RATIO),
        ratio_figure(f"{_REFUSE} ÷ {_SET}", refused, "/s", baseline=_SET),
        median_figure(_SET, [one[_SET] for one in rounds], "/s"),
    ]


async def _measure_once(plan: BenchPlan, binary: str) -> dict[str, float]:
    calls = int(_CALLS_PER_SECOND * plan.seconds)
    async with redis_server(plan) as server:
        store = server.store
        await tick(store, PROGRAMME.code, SLOTS, KEPT_MS)
        benchmark = [binary, "-p", f"{server.port}", "-c", f"{CONNECTIONS}", "-r", f"{_RANGE}", "--csv"]

        async def per_second(times: int, command: list[str]) -> float:
            return await _run(pinned(plan.client_core, [*benchmark, "-n", f"{times}", *command]))

        sets = await per_second(int(_SETS_PER_SECOND * plan.seconds), ["SET", f"key:{_RANDOM}", "xxx"])
        admitted = await per_second(calls, call_of_strangers())
        await _check(store, admitted=calls * PER_CALL, tickets=0)
        await change_controls(store, PROGRAMME, {"limit": 1}, {})
        refused = await per_second(calls, call_of_strangers())
        await _check(store, admitted=calls * PER_CALL, tickets=calls * PER_CALL)
    return {_SET: sets, _ADMIT: admitted * PER_CALL, _REFUSE: refused * PER_CALL}


async def _run(argv: list[str]) -> float:
    """Return calls per second."""
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=PIPE)
    printed, _ = await process.communicate()
    if process.returncode:
        raise NotAsExpected(f"redis-benchmark ended with exit code {process.returncode}")
    *_, row = csv.reader(printed.decode().splitlines())
    return float(row[1])


async def _check(store: Store, admitted: int, tickets: int) -> None:
    slots = await store.redis.zcard(f"{{{PROGRAMME.code}}}:slots")
    minted = int(await store.redis.hget(door_key(PROGRAMME.code), "m0") or 0)  # type: ignore[misc]  # redis-py types one method for sync and async.
    least = (1 - _SAME_BY_CHANCE) * admitted, (1 - _SAME_BY_CHANCE) * tickets
    if not (least[0] <= slots <= admitted and least[1] <= minted <= tickets):
        raise NotAsExpected(f"{slots} slots and {minted} tickets instead of {admitted} and {tickets}")


def call_of_strangers() -> list[str]:
    """Return an admission of people of whom nobody comes twice, however often it is sent."""
    verb = load_library().verbs["admit"]
    values = msgspec.structs.asdict(rules(SLOTS))
    items = [word for at in range(PER_CALL) for word in _item(verb, at)]
    return ["FCALL", verb.function, "1", door_key(PROGRAMME.code), *map(str, verb.arguments(values)), *items]


def _item(verb: Verb, at: int) -> list[str]:
    """Return an application of the call in the order of the header, each argument as long as a real one."""
    sample = msgspec.structs.asdict(application(0))
    return [_text(len(sample[name]), at if name in _DISTINCT else None) for name in verb.item]


def _text(length: int, at: int | None) -> str:
    """Return so many x; with random numbers in front where `at` says which application of the call it is."""
    if at is None:
        return "x" * length
    own = f"{at:02}"
    return (own + _RANDOM * min(2, (length - len(own)) // len(_RANDOM))).ljust(length, "x")
