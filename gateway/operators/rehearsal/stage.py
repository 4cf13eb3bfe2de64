"""What all visits of a rehearsal have in common."""

import asyncio
import random

from msgspec import Struct

from gateway.http.refusals import ComeBack
from gateway.inflight.admission import AdmissionDesk
from gateway.inflight.confirmation import ConfirmationRules
from gateway.inflight.store import Store
from gateway.operators.rehearsal.board import Board
from gateway.operators.rehearsal.clock import RehearsedLoop, to_moment
from gateway.operators.rehearsal.figures import Tally

# Whoever is told to come back later than this takes it as a no for the day.
_MOST_PATIENCE_SECONDS = 3_600


class Over(Exception):
    """Somebody goes away for good."""


class Stage(Struct, frozen=True):
    programme: str
    store: Store
    desk: AdmissionDesk
    rules: ConfirmationRules
    board: Board
    loop: RehearsedLoop
    rng: random.Random
    tally: Tally

    async def come_back(self, told: ComeBack) -> None:
        """Wait as `Retry-After` says. Raises Over when that is too long."""
        if told.seconds > _MOST_PATIENCE_SECONDS:
            raise Over
        await asyncio.sleep(told.seconds + self.rng.randint(0, told.spread_seconds))


async def pause(milliseconds: float | None) -> None:
    """Take that long; None is nothing."""
    await asyncio.sleep(to_moment(milliseconds or 0) / 1000)
