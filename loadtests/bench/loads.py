"""What a generator is told to do, and what it tells afterwards."""

import msgspec

from loadtests.bench.latencies import Latency

APPLICATIONS = "/v1/programmes/42500/applications"
WAITING_ROOM = "/v1/waiting-room"


class Applications(msgspec.Struct, frozen=True, tag="applications"):
    """One POST of a form for each of `count` people from number `first` on.

    Each comes from an address of its own, or all from `address`.
    """

    first: int
    count: int
    path: str = APPLICATIONS
    address: str | None = None


class Polls(msgspec.Struct, frozen=True, tag="polls"):
    """`count` looks at the waiting room with these tickets in turn, each from an address of its own."""

    tickets: tuple[str, ...]
    count: int


Requests = Applications | Polls

# How an open loop and a crowd name what they did: what was sent, with its delay in the generator itself, and
# what a crowd asked for, before the status of the answer.
SENT = "sent"
APPLY, POLL, CLAIM = "apply ", "poll ", "claim "


class ClosedLoop(msgspec.Struct, frozen=True, tag="closed"):
    """Each connection sends as soon as it is answered; it ends early when the requests are used up."""

    port: int
    requests: Requests
    seconds: float
    # Goes before, and is not counted.
    warm_up_seconds: float = 1.0
    # As many as the first figures of the design were taken with.
    connections: int = 64


class OpenLoop(msgspec.Struct, frozen=True, tag="open"):
    """Requests are sent at moments planned ahead, whether or not the server keeps up."""

    port: int
    requests: Requests
    seconds: float
    per_second: float
    most_connections: int = 2_000
    # Answers that come later are counted as such; at the end it is waited no longer for any.
    patience_seconds: float = 5.0


class Crowd(msgspec.Struct, frozen=True, tag="crowd"):
    """People who arrive at moments planned ahead and behave: wait with a ticket, ask when told, claim."""

    port: int
    first: int
    seconds: float
    per_second: float
    most_connections: int = 2_000
    # Answers that come later are counted as such; at the end it is waited no longer for any.
    patience_seconds: float = 5.0


Load = ClosedLoop | OpenLoop | Crowd


class Result(msgspec.Struct, frozen=True):
    """Answers and how long they took, by status; for a crowd by what was asked and the status.

    `seconds` is the time in which what is counted was answered, or in an open loop sent. `lost`: no answer.
    `drain_seconds`: from the end of an open loop to its last answer.
    """

    seconds: float
    answers: dict[str, int]
    latency: dict[str, Latency]
    lost: int = 0
    drain_seconds: float = 0.0

    def per_second(self, answer: str) -> float:
        return self.answers.get(answer, 0) / self.seconds if self.seconds else 0.0
