"""Row 23: three in ten of those who hold a slot are never seen again."""

from pathlib import Path

from loadtests.bench.redis_applications import rules
from loadtests.chaos.admitting import Clock, accept_all, admitted, let_in, newcomers, occupied
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.valkey import valkey

_SLOTS, _GONE = 1_000, 300
_LEASE_SECONDS = 180.0


async def run(folder: Path) -> Measured:
    asked = rules(_SLOTS, int(_LEASE_SECONDS * 1000))
    people, others = newcomers(0, _SLOTS), newcomers(_SLOTS, _GONE + 100)
    async with valkey(folder) as server:
        store, clock = server.store, Clock(server.store, _SLOTS)
        await clock.start()
        first = admitted(await let_in(store, asked, people))
        await accept_all(store, enumerate(people[_GONE:], _GONE))
        before = await clock.move(_LEASE_SECONDS - 1)
        after = await clock.move(2)
        free = after.limit - after.live
        again = admitted(await let_in(store, asked, others))
        slots = occupied(server.aof)
    is_right = (first, before.live, free, again) == (_SLOTS, _SLOTS, _GONE, _GONE)
    held = is_right and slots.most <= _SLOTS and not slots.over
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"{first} let in, {_SLOTS - _GONE} of them confirmed; a second before the end of the lease "
        f"{before.live} live, a second after it {free} of {_GONE} slots free, and {again} of {len(others)} "
        f"newcomers got one; most ever live {slots.most}. The clock is moved on by hand.",
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
