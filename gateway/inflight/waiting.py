"""The waiting room as it is seen from outside Redis: where a place stands, by arithmetic."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from gateway.domain.tickets import Place
from gateway.inflight.store import Store

# Numbers whose windows are over are looked up in pieces of this size, each kept for a while.
PIECE_BYTES = 8_192
NUMBERS_PER_PIECE = PIECE_BYTES * 8


class RoomRules(msgspec.Struct, frozen=True):
    """How the line moves: windows of line and front row, and how many are called in a second.

    `inlet_per_second`: how many are let to the door in a second, called or not; 0: no limit.
    """

    claim_window_ms: int
    front_row_window_ms: int
    calls_per_second: int
    inlet_per_second: int = 0


DEFAULT_ROOM = RoomRules(claim_window_ms=20_000, front_row_window_ms=120_000, calls_per_second=1_000)


class Lane(msgspec.Struct, frozen=True):
    """Numbers up to `minted` are given, up to `called` called, those below `floor` late.

    `windows`: (last number, end on the service clock), oldest first. `bits`: which of floor to called came,
    from the byte that holds `floor`.
    """

    minted: int
    called: int
    floor: int
    windows: tuple[tuple[int, int], ...]
    bits: bytes

    @property
    def waiting(self) -> int:
        return self.minted - self.called

    def has_come(self, number: int) -> bool:
        return bit_of(self.bits, number - self.floor // 8 * 8)


class Stand(StrEnum):
    WAITING = "waiting"
    CALLED = "called"
    MISSED = "missed"
    CLAIMED = "claimed"


class Standing(msgspec.Struct, frozen=True):
    """`claim_before_ms` is on the service clock; None unless called."""

    state: Stand
    position: int = 0
    claim_before_ms: int | None = None


def parse_lane(reply: Sequence[bytes | int], bits: bytes) -> Lane:
    minted, called, floor, *windows = reply
    pairs = (window.split(b":") for window in windows if isinstance(window, bytes))
    return Lane(
        int(minted), int(called), int(floor), tuple((int(last), int(end)) for last, end in pairs), bits
    )


def bit_of(bits: bytes, number: int) -> bool:
    """Redis counts bits from the most significant of each byte."""
    at, bit = divmod(number, 8)
    return at < len(bits) and bool(bits[at] & (0x80 >> bit))


def stand(place: Place, line: Lane, front_row: Lane) -> Standing | None:
    """Where a place stands; None when its window is over, which only the bitmap in Redis can tell apart."""
    lane = front_row if place.lane else line
    if place.number > lane.called:
        before = 0 if place.lane else front_row.waiting
        return Standing(Stand.WAITING, place.number - lane.called + before)
    if place.number < lane.floor:
        return None
    if lane.has_come(place.number):
        return Standing(Stand.CLAIMED)
    ends = (end for last, end in lane.windows if last >= place.number)
    return Standing(Stand.CALLED, 0, next(ends, None))


async def fetch_piece(store: Store, programme: str, lane: int, piece: int) -> bytes:
    """Which numbers of a piece have come; raises StoreUnavailable."""
    start = piece * PIECE_BYTES
    found: bytes = await store.read(
        "GETRANGE", f"{{{programme}}}:spent{lane}", start, start + PIECE_BYTES - 1
    )
    return found
