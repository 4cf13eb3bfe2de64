"""Which SMS provider carried a code, and how many of each one's codes come back."""

from collections.abc import Sequence

import msgspec

from gateway.inflight.store import Store

# Within a minute most people who got a code have typed it ...
YOUNGEST_MS = 60_000
# ... and what is older than this says little of now.
OLDEST_MS = 300_000


class Carried(msgspec.Struct, frozen=True):
    """Codes of some minutes ago, and those of them that came back since."""

    sent: int
    confirmed: int


async def read_carried(
    store: Store,
    programme: str,
    carriers: Sequence[str],
    youngest_ms: int,
) -> dict[str, Carried]:
    """Count the codes that are so old, by carrier; raises StoreUnavailable."""
    counts = await store.call("carried", programme, carriers, youngest_ms=youngest_ms, oldest_ms=OLDEST_MS)
    return {carrier: Carried(*found) for carrier, found in zip(carriers, counts, strict=True)}


async def last_carrier(store: Store, programme: str, application_id: str) -> str | None:
    """Who carried this applicant's code before, if there was one; raises StoreUnavailable."""
    carrier = await store.read("HGET", f"{{{programme}}}:case:{application_id}", "carrier")
    return carrier.decode().split()[0] if carrier else None
