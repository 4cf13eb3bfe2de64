"""A programme in figures, for whoever watches: nothing is changed, and the service clock is not moved.

Unlike `status.tick`, which is the heartbeat of those who serve.
"""

import msgspec

from gateway.domain.controls import Mode
from gateway.inflight import jobs
from gateway.inflight.store import Store

QUEUES = (jobs.CASES_QUEUE, jobs.SMS_QUEUE, jobs.RECEIPTS_QUEUE)

# In the order of figures.lua.
LIMITS = ("address", "person", "phone", "block", "request", "code_address", "conversion")


class LaneFigures(msgspec.Struct, frozen=True):
    """Numbers up to `minted` are given, up to `called` called; `reserved` slots are kept for the called."""

    minted: int
    called: int
    reserved: int

    @property
    def waiting(self) -> int:
        return self.minted - self.called


class QueueFigures(msgspec.Struct, frozen=True):
    """Jobs, running ones too, and for how long the oldest has been due (0 when none is)."""

    jobs: int
    oldest_ms: int

    @property
    def oldest_seconds(self) -> float:
        return self.oldest_ms / 1000


class Figures(msgspec.Struct, frozen=True):
    """All of one moment, so that `live` is never above a limit that was not lowered.

    `shadowed`: how often each limit that is only counted would have refused. `short_of_memory`: 1 while the
    last tick found so little left in Redis that nobody is let in.
    """

    mode: Mode
    limit: int
    live: int
    unconfirmed: int
    accepted: int
    high: int
    line: LaneFigures
    front_row: LaneFigures
    shadowed: dict[str, int]
    short_of_memory: int
    queues: dict[str, QueueFigures]


async def read_figures(store: Store, programme: str) -> Figures | None:
    """Return None while no gateway has served the programme; raises StoreUnavailable."""
    reply = await store.call("figures", programme, QUEUES)
    if not reply:
        return None
    mode, limit, live, unconfirmed, accepted, high, line, front_row, shadowed, short, *queues = reply
    return Figures(
        Mode(mode.decode()),
        limit,
        live,
        unconfirmed,
        accepted,
        high,
        LaneFigures(*line),
        LaneFigures(*front_row),
        dict(zip(LIMITS, shadowed, strict=True)),
        short,
        {name: QueueFigures(*found) for name, found in zip(QUEUES, queues, strict=True)},
    )
