"""Row 10: the primary is cut off from replicas and Sentinels for 15 seconds, and then is back."""

import asyncio
import time
from pathlib import Path

from redis.asyncio import Redis

from gateway.inflight.shards import connect_store
from loadtests.chaos.cluster_of import watched
from loadtests.chaos.judging import LEAST_ACKNOWLEDGED
from loadtests.chaos.knocking import knocking, missing
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row, Verdict

_TIMEOUT_MS = 2_000
_HOLE_SECONDS = 15.0
_AFTERWARDS_SECONDS = 3.0

# What the others have before the hole; a write that was on its way when it opened may still be told.
_ON_ITS_WAY_SECONDS = 0.1


async def run(folder: Path) -> Measured:
    async with watched(folder, 2, {"min-replicas-to-write": "1"}) as watch:
        old = watch.nodes[0]
        # One gateway finds the primary through the Sentinels, the other is alone with it.
        store = connect_store(watch.url, _TIMEOUT_MS, 0.25, replicas=1)
        beside = connect_store(f"redis://127.0.0.1:{old.port}", _TIMEOUT_MS, 0.25, replicas=1)
        async with knocking(store) as people, knocking(beside, first=1_000_000) as left_behind:
            await people.until_answered(LEAST_ACKNOWLEDGED)
            old.proxy.black_hole = True
            cut_at = time.monotonic()
            await asyncio.sleep(_HOLE_SECONDS)
            old.proxy.restore()
            await until(lambda: _is_replica(old.port))
            await asyncio.sleep(_AFTERWARDS_SECONDS)
        false = left_behind.since(cut_at + _ON_ITS_WAY_SECONDS)
        lost = await missing(store, [*people.answered, *left_behind.answered])
        await store.aclose()
        await beside.aclose()
    acknowledged = len(people.answered) + len(left_behind.answered)
    return Measured(
        verdict=Verdict.HELD if not lost and not false else Verdict.BROKEN,
        says=f"Acknowledged by the primary that was cut off: {false}, while it refused "
        f"{left_behind.refused.total()} times. Those who follow the Sentinels went on "
        f"after {people.outage_seconds():.1f} s.",
        acknowledged=acknowledged,
        lost=len(lost),
        doubled=0,
        seconds=people.outage_seconds(),
    )


async def _is_replica(port: int) -> bool:
    async with Redis(port=port) as redis:
        role, *_ = await redis.role()
    return bool(role == b"slave")


ROW = Row(
    number=10,
    title="the primary is cut off for 15 s, with people who still reach it, and is back",
    expected="it acknowledges nothing meanwhile and ends as a replica; the others go on with the new primary",
    broken_once="Without both settings it acknowledged 11 987 while cut off; 12 076 of 21 498 were lost.",
    run=run,
)
