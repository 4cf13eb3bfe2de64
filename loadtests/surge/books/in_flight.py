"""What Redis has at the end, read key by key and not through the functions under test."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from msgspec import Struct
from redis import Redis

from gateway.domain.case import State

# Keys asked about in one round trip.
_PIECE = 1_000

# Each second the gateways' tick sweeps what has ended, a thousand at a time.
_SWEPT_WITHIN_MS = 5_000

# What Redis says of a key that never expires.
_NEVER = -1


class Case(NamedTuple):
    """A record; `expires_ms` is what the applicant was told, `lapsed_at_ms` (epoch) when it did lapse."""

    state: State
    expires_ms: int
    lapsed_at_ms: int | None


class InFlight(Struct, frozen=True):
    """`live`: slots that have not ended; `cases` by application id; `queued`: jobs for cases.

    `overdue`: leases that should have lapsed. Others may be left: whoever applied again, and heard of it, has
    a lease that takes nothing and runs out by itself.
    """

    accepted: int
    high: int
    live: int
    overdue: int
    waiting: int
    queued: int
    active: frozenset[str]
    cases: dict[str, Case]
    everlasting_rates: tuple[str, ...]


def read_in_flight(url: str, programme: str) -> InFlight:
    """Raises RedisError."""
    tag = f"{{{programme}}}:"
    with Redis.from_url(url, decode_responses=True) as redis:
        door = redis.hgetall(f"{tag}door")
        service_ms = int(door.get("svc", 0))
        return InFlight(
            accepted=int(door.get("accepted", 0)),
            high=int(door.get("high", 0)),
            live=redis.zcount(f"{tag}slots", f"({service_ms}", "+inf"),
            overdue=redis.zcount(f"{tag}leases", "-inf", service_ms - _SWEPT_WITHIN_MS),
            waiting=sum(int(door.get(f"m{lane}", 0)) - int(door.get(f"c{lane}", 0)) for lane in (0, 1)),
            queued=redis.zcard(f"{tag}cases"),
            active=frozenset(redis.zrange(f"{tag}active", 0, -1)),
            cases=dict(_cases(redis, f"{tag}case:")),
            everlasting_rates=tuple(_everlasting(redis, f"{tag}rate:")),
        )


def _cases(redis: Redis, prefix: str) -> Iterator[tuple[str, Case]]:
    for keys in _pieces(redis, prefix):
        pipeline = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hmget(key, ["state", "expires", "history"])
        for key, (state, expires, history) in zip(keys, pipeline.execute(), strict=True):
            if state:
                yield key.removeprefix(prefix), Case(State(state), int(expires or 0), _lapsed_at_ms(history))


def _lapsed_at_ms(history: str) -> int | None:
    state, _, at_ms = history.rpartition(",")[2].partition(":")
    return int(at_ms) if state == State.LAPSED else None


def _everlasting(redis: Redis, prefix: str) -> Iterator[str]:
    for keys in _pieces(redis, prefix):
        pipeline = redis.pipeline(transaction=False)
        for key in keys:
            pipeline.pttl(key)
        yield from (key for key, left_ms in zip(keys, pipeline.execute(), strict=True) if left_ms == _NEVER)


def _pieces(redis: Redis, prefix: str) -> Iterator[list[str]]:
    keys = redis.scan_iter(match=f"{prefix}*", count=_PIECE)
    while piece := list(islice(keys, _PIECE)):
        yield piece
