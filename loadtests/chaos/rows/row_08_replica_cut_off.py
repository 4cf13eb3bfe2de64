"""Row 8: the replica hears nothing for five seconds, then the primary dies and the replica follows it."""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from gateway.inflight.shards import connect_store
from loadtests.chaos.cluster_of import watched
from loadtests.chaos.judging import LEAST_ACKNOWLEDGED
from loadtests.chaos.knocking import knocking, missing
from loadtests.chaos.row import Measured, Row, Verdict

_TIMEOUT_MS = 2_000
_HOLE_SECONDS = 5.0


async def run(folder: Path) -> Measured:
    asynchronous = await _lose(folder / "asynchronous", replicas=0)
    waiting = await _lose(folder / "waiting", replicas=1)
    (lost_async, all_async), (lost, acknowledged) = asynchronous, waiting
    held = lost == 0 and acknowledged >= LEAST_ACKNOWLEDGED and lost_async > 0
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"With redis_replicas = 1. Without waiting, the same fault lost {lost_async} of {all_async}.",
        acknowledged=acknowledged,
        lost=lost,
        doubled=0,
    )


async def _lose(folder: Path, replicas: int) -> tuple[int, int]:
    """Return how many acknowledged are not with the replica that took over, and how many there were."""
    async with watched(folder) as watch:
        primary, replica = watch.nodes
        store = connect_store(f"redis://127.0.0.1:{primary.port}", _TIMEOUT_MS, 0.25, replicas)
        async with knocking(store) as people:
            await people.until_answered(LEAST_ACKNOWLEDGED)
            # Only the way between the two: those who apply are on the primary's side.
            primary.proxy.black_hole = True
            await asyncio.sleep(_HOLE_SECONDS)
            await primary.server.kill()
        await store.aclose()
        async with Redis(port=replica.port) as redis:
            await redis.replicaof("NO", "ONE")
        lost = await missing(replica.server.store, people.answered)
    return len(lost), len(people.answered)


ROW = Row(
    number=8,
    title="the replica is cut off for 5 s, the primary killed, the replica promoted",
    expected="nothing acknowledged is lost; while the replica is cut off nothing is acknowledged",
    broken_once="Each time, without waiting for the replica: how many that loses is beside it.",
    run=run,
)
