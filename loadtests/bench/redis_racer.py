"""One of those who race: makes its applications ready, and sends all of them when told."""

import asyncio
import random
import sys

import msgspec

from gateway.inflight.admission import Admission, AdmissionDesk, Admitted
from gateway.inflight.store import Store, open_redis
from loadtests.bench.redis_applications import application, rules

# Of its own; and of persons whom every racer sends, as somebody does who has five windows open.
_OWN, _SHARED = 60, 40
# Numbers of persons kept apart: for a round, and in it for each racer.
_PER_ROUND, _PER_RACER = 10_000, 100

_TIMEOUT_MS = 60_000


class Heat(msgspec.Struct, frozen=True):
    programme: str
    number: int


def crowd(heat: Heat, racer: int) -> list[Admission]:
    first = heat.number * _PER_ROUND
    own = range(first + (racer + 1) * _PER_RACER, first + (racer + 1) * _PER_RACER + _OWN)
    people = [application(n, heat.programme) for n in (*own, *range(first, first + _SHARED))]
    random.shuffle(people)
    return people


async def run(store: Store, heat: Heat, people: list[Admission]) -> list[str]:
    """Return who got in."""
    desk = AdmissionDesk(store, heat.programme, rules())
    decisions = await asyncio.gather(*map(desk.admit, people))
    return [
        one.person for one, decision in zip(people, decisions, strict=True) if isinstance(decision, Admitted)
    ]


async def main(url: str, racer: int) -> None:
    redis = open_redis(url, _TIMEOUT_MS)
    await redis.ping()
    while line := sys.stdin.readline():
        heat = msgspec.json.decode(line, type=Heat)
        people = crowd(heat, racer)
        _say(b"ready")
        sys.stdin.readline()
        _say(msgspec.json.encode(await run(Store(redis), heat, people)))
    await redis.aclose()


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
