"""Looking without changing: one application, and the programme as a whole."""

from collections.abc import Sequence

import msgspec
from redis.exceptions import RedisError

from gateway.domain.case import State
from gateway.domain.controls import Mode
from gateway.domain.programme import RateLimit
from gateway.inflight.limits import limit_text
from gateway.inflight.records import Step, parse_history
from gateway.inflight.steering import texts_of
from gateway.inflight.store import Store, StoreUnavailable
from gateway.inflight.waiting import DEFAULT_ROOM, Lane, RoomRules, parse_lane

# A programme that no file can have, so that a probe meets nobody's slots.
PROBE_PROGRAMME = "probe-0"

# The end of a confirmed case's slot, as _shared.lua has it.
_NEVER_MS = 9_000_000_000_000_000

# Any number of processes may probe in one second.
_PROBE_LIMIT = limit_text(RateLimit(count=1_000_000, window_seconds=1))

# What admission answers where there are no slots at all.
_FULL = 3

# Records looked at in one round trip.
_PIECE = 500


class Sight(msgspec.Struct, frozen=True):
    state: State
    receipt_hash: str
    number: str | None
    history: tuple[Step, ...]
    accepted_at_ms: int | None


class Summary(msgspec.Struct, frozen=True):
    """A programme as of one moment: `live` against `limit`, and the most that was ever live.

    `at_ms` is wall time, `service_ms` the clock on which leases and windows run. `controls`: what an operator
    has set, as it lies in Redis.
    """

    at_ms: int
    service_ms: int
    limit: int
    live: int
    unconfirmed: int
    accepted: int
    high: int
    epoch: int
    line: Lane
    front_row: Lane
    mode: Mode
    controls: dict[str, str]

    @property
    def waiting(self) -> int:
        """Tickets that are not called yet."""
        return self.line.waiting + self.front_row.waiting


async def look(store: Store, programme: str, application_id: str) -> Sight | None:
    """One application as Redis has it, or None; raises StoreUnavailable."""
    key = f"{{{programme}}}:case:{application_id}"
    found = await store.read("HMGET", key, "state", "receipt", "number", "history", "accepted")
    state, receipt, number, history, accepted = found
    if state is None:
        return None
    return Sight(
        State(state.decode()),
        receipt.decode(),
        number.decode() if number else None,
        parse_history(history),
        int(accepted) if accepted else None,
    )


async def known_cases(store: Store, programme: str, ids: Sequence[str]) -> set[str]:
    """Which of these have a record here; raises StoreUnavailable."""
    pipeline = store.redis_of(programme).pipeline(transaction=False)
    for one in ids:
        pipeline.exists(f"{{{programme}}}:case:{one}")
    try:
        found = await pipeline.execute() if ids else []
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    return {one for one, is_here in zip(ids, found, strict=True) if is_here}


async def replace_receipt(store: Store, programme: str, application_id: str, receipt_hash: str) -> None:
    """Give a case that is still here its new receipt; the old one is void at once."""
    await store.call("replace_receipt", programme, id=application_id, receipt_hash=receipt_hash)


async def tick(
    store: Store, programme: str, limit_seed: int, kept_ms: int, room: RoomRules = DEFAULT_ROOM
) -> Summary:
    """Move the service clock, lapse what is due, call the next, and sum up; raises StoreUnavailable."""
    reply = await store.call(
        "tick", programme, limit_seed=limit_seed, kept_ms=kept_ms, **msgspec.structs.asdict(room)
    )
    at_ms, service_ms, limit, live, unconfirmed, accepted, high, epoch, *lanes = reply
    line, front_row, line_bits, front_row_bits, mode, controls = lanes
    return Summary(
        at_ms,
        service_ms,
        limit,
        live,
        unconfirmed,
        accepted,
        high,
        int(epoch),
        parse_lane(line, line_bits),
        parse_lane(front_row, front_row_bits),
        Mode(mode.decode()),
        texts_of(controls),
    )


async def probe(store: Store) -> None:
    """Run the real admission function where nobody stands; raises StoreUnavailable."""
    reply = await store.call(
        "admit",
        PROBE_PROGRAMME,
        ["probe", "probe", "probe", "probe", "probe", b"", "", "", b"", "", "", "", "", ""],
        limit_seed=0,
        lease_before_phone_ms=1,
        unconfirmed_share_percent=100,
        candidates=1,
        address_limit=_PROBE_LIMIT,
        person_limit=_PROBE_LIMIT,
    )
    if reply[0][0] != _FULL:
        raise StoreUnavailable("probe")


class Tally(msgspec.Struct, frozen=True):
    """Counts for reconciliation: accepted ever, in process, not registered yet, slots kept for them."""

    accepted: int
    active: int
    unregistered: int
    confirmed_slots: int


async def tally(store: Store, programme: str) -> Tally:
    """Count what is in process, a bounded piece at a time; raises StoreUnavailable."""
    tag = f"{{{programme}}}:"
    redis = store.redis_of(programme)
    try:
        accepted = await redis.hget(f"{tag}door", "accepted")  # type: ignore[misc]  # redis-py types one method for sync and async.
        confirmed = await redis.zcount(f"{tag}slots", _NEVER_MS, "+inf")
        active = [one.decode() async for one, _ in redis.zscan_iter(f"{tag}active", count=_PIECE)]
        unregistered = 0
        for start in range(0, len(active), _PIECE):
            pipeline = redis.pipeline(transaction=False)
            for one in active[start : start + _PIECE]:
                pipeline.hexists(f"{tag}case:{one}", "number")
            unregistered += sum(not known for known in await pipeline.execute())
    except (RedisError, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error
    return Tally(int(accepted or 0), len(active), unregistered, confirmed)
