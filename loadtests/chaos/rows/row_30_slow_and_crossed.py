"""Row 30: Redis answers 200 ms late, calls are cancelled in the middle, more than there are connections."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

from gateway.inflight.admission import Admission
from gateway.inflight.shards import connect_store
from gateway.inflight.status import look
from gateway.inflight.store import Store, StoreUnavailable
from loadtests.bench.redis_applications import rules
from loadtests.chaos.admitting import CODE, let_in, newcomers
from loadtests.chaos.proxy import proxied
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.valkey import valkey

_CALLS, _CASES = 10_000, 500
# Above the 512 connections that a store opens.
_AT_ONCE = 600
_DELAY_MS, _TIMEOUT_MS = 200, 2_000
_CANCELLED_SHARE = 0.3
# A call ends by its deadline, or by that of a connection and its own.
_MOST_SECONDS = 2 * _TIMEOUT_MS / 1000 + 1.0


async def run(folder: Path) -> Measured:
    async with valkey(folder) as server, proxied("127.0.0.1", server.port) as proxy:
        cases = newcomers(0, _CASES)
        await let_in(server.store, rules(_CASES), cases)
        store = connect_store(f"redis://127.0.0.1:{proxy.port}", _TIMEOUT_MS)
        proxy.delay_ms = _DELAY_MS
        outcomes, longest = await _ask(store, cases)
        proxy.restore()
        proxy.black_hole = True
        began = time.monotonic()
        refused = await _one(store, cases[0])
        closed_after = time.monotonic() - began
        await store.aclose()
    right, crossed = outcomes["right"], outcomes["crossed"]
    held = right and not crossed and refused == "refused" and max(longest, closed_after) <= _MOST_SECONDS
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{_CALLS} calls, {_AT_ONCE} at a time on 512 connections: {right} answered, {crossed} with the "
        f"answer to another call, {outcomes['cancelled']} cancelled in the middle, {outcomes['refused']} "
        f"refused at once or at their deadline; the longest took {longest:.1f} s. A Redis that hangs: "
        f"refused after {closed_after:.1f} s.",
        lost=0,
        doubled=crossed,
        seconds=longest,
    )


async def _ask(store: Store, cases: list[Admission]) -> tuple[Counter[str], float]:
    gate, outcomes, longest = asyncio.Semaphore(_AT_ONCE), Counter[str](), 0.0

    async def one(case: Admission) -> None:
        nonlocal longest
        async with gate:
            began = time.monotonic()
            call = asyncio.create_task(_one(store, case))
            if random.random() < _CANCELLED_SHARE:  # noqa: S311 - chance, not a secret.
                # Anywhere between connecting and the last byte of the answer.
                await asyncio.sleep(random.uniform(0, 3 * _DELAY_MS / 1000))  # noqa: S311 - As above.
                call.cancel()
            outcomes.update(
                [
                    outcome if isinstance(outcome, str) else "cancelled"
                    for outcome in await asyncio.gather(call, return_exceptions=True)
                ]
            )
            longest = max(longest, time.monotonic() - began)

    await asyncio.gather(*(one(random.choice(cases)) for _ in range(_CALLS)))  # noqa: S311 - As above.
    return outcomes, longest


async def _one(store: Store, case: Admission) -> str:
    try:
        sight = await look(store, CODE, case.id)
    except StoreUnavailable:
        return "refused"
    # Each case has a receipt of its own, so that an answer shows whose it is.
    return "right" if sight is not None and sight.receipt_hash == case.receipt_hash else "crossed"


ROW = Row(
    number=30,
    title="Redis answers 200 ms late; calls are cancelled in the middle; more calls than connections",
    expected="every answer belongs to its call; every call ends by its deadline; one that hangs is refused",
    broken_once="With connections kept after a cancelled call 2 360 of 3 000 got another's answer.",
    run=run,
)
