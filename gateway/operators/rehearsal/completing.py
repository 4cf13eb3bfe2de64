"""What a recording does not say, drawn from what it says of others."""

import random
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from gateway.operators.rehearsal.recording import Arrival, Reached, RecordingError

T = TypeVar("T")

# A page that is open sends the form by itself when its turn has come; people take a moment.
_CLAIM_MS = 1_000


def complete(arrivals: Sequence[Arrival], rng: random.Random) -> list[Arrival]:
    """Return arrivals of which all is known that those who get in need.

    Raises RecordingError for a recording in which nobody was served: then nothing is known.
    """
    known = [arrival for arrival in arrivals if arrival.reached is not Reached.DOOR]
    service_ms = [arrival.service_ms for arrival in known if arrival.service_ms is not None]
    if not service_ms:
        raise RecordingError("nobody was served in this recording: how long that takes is not known")
    coming_back = [arrival.comes_back for arrival in arrivals if arrival.comes_back is not None] or [True]
    claim_ms = [arrival.claim_ms for arrival in arrivals if arrival.claim_ms is not None] or [_CLAIM_MS]
    return [
        msgspec.structs.replace(
            _let_in(arrival, known, rng),
            comes_back=_known(arrival.comes_back, rng.choice(coming_back)),
            claim_ms=_known(arrival.claim_ms, rng.choice(claim_ms)),
            service_ms=_known(arrival.service_ms, rng.choice(service_ms)),
        )
        for arrival in arrivals
    ]


def _let_in(arrival: Arrival, known: Sequence[Arrival], rng: random.Random) -> Arrival:
    """Whoever did not get in then does now what somebody did who got in."""
    other = rng.choice(known)
    if arrival.reached is not Reached.DOOR:
        return arrival
    return msgspec.structs.replace(
        arrival,
        reached=other.reached,
        phone_ms=other.phone_ms,
        code_ms=other.code_ms,
        codes=other.codes,
        service_ms=other.service_ms,
        is_refused=other.is_refused,
    )


def _known(value: T | None, drawn: T) -> T:
    return drawn if value is None else value
