"""Tickets by the hundred thousand, through the real function."""

import asyncio
import hashlib
from collections.abc import Iterator

import msgspec

from gateway.inflight.admission import MOST_PER_CALL, Admission, Full, admit
from gateway.inflight.store import Store
from loadtests.bench.http_measure import NotAsExpected
from loadtests.bench.redis_applications import application, rules

# So many calls on their way leave Redis no pause.
_AT_ONCE = 4

_SAMPLE = application(0)


async def mint(store: Store, programme: str, people: range) -> None:
    """Send an application of each to a full door; raises NotAsExpected when one of them gets no ticket."""
    batches = (people[at : at + MOST_PER_CALL] for at in range(0, len(people), MOST_PER_CALL))
    # All of them take from the same batches, so none ends before the others.
    await asyncio.gather(*(_send(store, programme, batches) for _ in range(_AT_ONCE)))


async def _send(store: Store, programme: str, batches: Iterator[range]) -> None:
    for batch in batches:
        decisions = await admit(store, programme, rules(), [_quick_application(n) for n in batch])
        if not all(isinstance(decision, Full) for decision in decisions):
            raise NotAsExpected("somebody got no ticket at a full door")


def _quick_application(n: int) -> Admission:
    """Make what is distinct of one hash: sealing would take longer than Redis does."""
    own = hashlib.blake2b(n.to_bytes(8, "big"), digest_size=16).hexdigest()
    return msgspec.structs.replace(_SAMPLE, id=own, address=own, person=own, proof=own[:16], idempotency=own)
