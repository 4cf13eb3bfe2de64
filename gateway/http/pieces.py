"""Who came before a window closed: pieces of the bitmap in Redis, kept for a while by each process."""

import asyncio
import time

from msgspec import Struct

from gateway.inflight.store import Store
from gateway.inflight.waiting import NUMBERS_PER_PIECE, bit_of, fetch_piece

# Windows that are over hardly change: only late comers still do.
KEPT_SECONDS = 30.0

# Two megabytes at most, for sixteen million numbers.
MOST_PIECES = 256

# Epoch, lane and number of the piece.
_Key = tuple[int, int, int]


class _Piece(Struct, frozen=True):
    """What is right for numbers below `floor`: later ones were still in their turn when it was fetched."""

    bits: asyncio.Task[bytes]
    floor: int
    fetched_at: float

    def serves(self, number: int) -> bool:
        return number < self.floor and time.monotonic() - self.fetched_at < KEPT_SECONDS


class SpentPieces:
    def __init__(self, store: Store, programme: str) -> None:
        self._store, self._programme = store, programme
        # In the order in which they were fetched.
        self._pieces: dict[_Key, _Piece] = {}

    async def has_come(self, epoch: int, lane: int, number: int, floor: int) -> bool:
        """Tell of a number below the lane's floor whether it was claimed; raises StoreUnavailable."""
        index, offset = divmod(number, NUMBERS_PER_PIECE)
        key = (epoch, lane, index)
        while True:
            piece = self._pieces.get(key)
            if piece is None or (piece.bits.done() and not piece.serves(number)):
                piece = self._fetch(key, floor)
            # Everybody who asks meanwhile waits for the one fetch, which outlives any of them.
            bits = await asyncio.shield(piece.bits)
            if number < piece.floor:
                return bit_of(bits, offset)

    def _fetch(self, key: _Key, floor: int) -> _Piece:
        _, lane, index = key
        bits = asyncio.create_task(fetch_piece(self._store, self._programme, lane, index))
        piece = _Piece(bits, floor, time.monotonic())
        self._pieces.pop(key, None)
        self._pieces[key] = piece
        if len(self._pieces) > MOST_PIECES:
            del self._pieces[next(iter(self._pieces))]
        bits.add_done_callback(lambda done: self._forget_failed(key, done))
        return piece

    def _forget_failed(self, key: _Key, done: asyncio.Task[bytes]) -> None:
        piece = self._pieces.get(key)
        if (done.cancelled() or done.exception()) and piece and piece.bits is done:
            del self._pieces[key]
