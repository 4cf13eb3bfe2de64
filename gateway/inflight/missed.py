"""Who was called and has not come: by arithmetic, as everything about the line."""

from gateway.inflight.figures import Figures, LaneFigures
from gateway.inflight.store import Store


async def read_missed(store: Store, programme: str, figures: Figures) -> dict[str, int]:
    """By lane, those whose window is over and who have not come since; raises StoreUnavailable."""
    lanes = {"line": figures.line, "front_row": figures.front_row}
    return {
        name: await _missed(store, f"{{{programme}}}:spent{number}", lane)
        for number, (name, lane) in enumerate(lanes.items())
    }


async def _missed(store: Store, spent_key: str, lane: LaneFigures) -> int:
    came: int = await store.read("BITCOUNT", spent_key)
    # The figures are of a moment earlier, and somebody may have come since.
    return max(lane.called - lane.reserved - came, 0)
