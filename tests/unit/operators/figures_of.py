"""Made-up figures of a programme."""

from gateway.domain.controls import Mode
from gateway.inflight.figures import Figures, LaneFigures, QueueFigures


def figures(
    *,
    live: int = 100,
    limit: int = 1_000,
    accepted: int = 0,
    minted: int = 0,
    called: int = 0,
    reserved: int = 0,
) -> Figures:
    return Figures(
        mode=Mode.OPEN,
        limit=limit,
        live=live,
        unconfirmed=live // 2,
        accepted=accepted,
        high=live,
        line=LaneFigures(minted, called, reserved),
        front_row=LaneFigures(0, 0, 0),
        shadowed={},
        short_of_memory=0,
        queues={"cases": QueueFigures(3, 1_500)},
    )
