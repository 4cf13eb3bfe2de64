"""Row 23: three in ten of those who hold a slot are never seen again."""

import time
from pathlib import Path

from loadtests.bench.redis_applications import rules
from loadtests.chaos.admitting import accept_all, admitted, beat, let_in, newcomers, occupied
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.valkey import valkey

_SLOTS, _GONE = 1_000, 300
_LEASE_SECONDS, _GRACE_SECONDS = 3.0, 1.0


async def run(folder: Path) -> Measured:
    asked = rules(_SLOTS, int(_LEASE_SECONDS * 1000))
    people, others = newcomers(0, _SLOTS), newcomers(_SLOTS, _GONE + 100)
    async with valkey(folder) as server:
        store = server.store
        await beat(store, _SLOTS, 0)
        began = time.monotonic()
        first = admitted(await let_in(store, asked, people))
        full_since = time.monotonic()
        await accept_all(store, enumerate(people[_GONE:], _GONE))
        left = full_since + _LEASE_SECONDS + _GRACE_SECONDS - time.monotonic()
        summary = await beat(store, _SLOTS, left)
        free = summary.limit - summary.live
        again = admitted(await let_in(store, asked, others))
        slots = occupied(server.aof)
    is_right = (first, free, again) == (_SLOTS, _GONE, _GONE)
    # Whoever confirmed later than the lease would show nothing.
    held = is_right and left > 0 and slots.most <= _SLOTS and not slots.over
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{first} let in within {full_since - began:.1f} s, {_SLOTS - _GONE} of them confirmed; at "
        f"lease + 1 s {free} of {_GONE} slots were free again, and {again} of {len(others)} newcomers got "
        f"one; most ever live {slots.most}.",
        acknowledged=first,
        lost=_GONE - free,
        doubled=slots.over,
    )


ROW = Row(
    number=23,
    title="3 in 10 who hold a slot vanish",
    expected="their slots, and no others, are free at lease + 1 s",
    broken_once="With leases ten times as long as told, 0 of 300 slots were free, and 0 newcomers got one.",
    run=run,
    cheap=True,
)
