"""Who did what and why: append-only, each line holding on to the one before."""

from dataclasses import dataclass
from typing import Final

from gateway.register import auditing
from gateway.register.chain import GENESIS, AuditLine, Head, NewAuditLine
from gateway.register.store import Store

# Lines checked in one piece: a trail of any length fits into memory, and no transaction stays open for long.
_PIECE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Verification:
    """`broken`: the sequence of the first line that is not as it was written, or is gone; None: all are.

    `head` is worth keeping in another place, see AuditTrail.verify.
    """

    broken: int | None
    head: Head


class AuditTrail:
    """Raises what the database raises (SQLAlchemyError, OSError, TimeoutError), the outcome then unknown."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def append(self, line: NewAuditLine) -> AuditLine:
        return await self._store.write(auditing.append, line)

    async def read(self, before: int | None = None, limit: int = 50) -> list[AuditLine]:
        """Return lines older than `before`, the newest first."""
        return await self._store.read(auditing.load_before, before, limit)

    async def find_change(self, sequence: int) -> AuditLine | None:
        """Return the line that says that a change was made; `sequence` is its own or that of its request."""
        return await self._store.read(auditing.load_change, sequence)

    async def verify(self, known: Head | None = None) -> Verification:
        """Find the first line that was edited, taken out, moved, put in, or cut off at the end.

        What it cannot find: somebody who may write to the database and rewrites every line from one on, and
        the head. So `known`, a head that an earlier verification printed and that was kept elsewhere, must
        still be there; what was written after it rests on the database alone.
        """
        kept, last = await self._store.read(auditing.load_ends)
        walked = Head(0, GENESIS)
        while walked.sequence < kept.sequence:
            count = min(_PIECE, kept.sequence - walked.sequence)
            lines = await self._store.read(auditing.load_piece, walked.sequence, count)
            for line in lines:
                is_known = known is None or line.sequence != known.sequence or line.hash == known.hash
                if not (line.holds(walked) and is_known):
                    return Verification(walked.sequence + 1, kept)
                walked = Head(line.sequence, line.hash)
            if not lines:
                return Verification(walked.sequence + 1, kept)
        if last > kept.sequence or (known is not None and known.sequence > kept.sequence):
            return Verification(kept.sequence + 1, kept)
        return Verification(None if walked == kept else max(kept.sequence, 1), kept)
