"""What operators get: what is in force beside what is tried out, and what that rests on."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from gateway.domain.controls import Value
from gateway.operators.rehearsal.figures import Figures, percentile
from gateway.operators.rehearsal.little import Recommendation, recommend
from gateway.operators.rehearsal.recording import Recording, Source
from gateway.operators.rehearsal.replay import replay

_ASSUMPTIONS = (
    "people, workers and state systems take as long as they took then, however many are in process",
    "nobody comes, stays away or gives up because the wait is another",
    "the gateways keep up and SMS arrive as they did then; an answer takes no time",
    "parked cases do not come back; how many phones share a block of numbers is not known and limits nobody",
)
_OF_REGISTER = (
    "who was turned away and did not come back left no trace: where the door was full then, fewer come here",
    "who waited is taken to have come when let in: where the door was full then, waits come out too short",
    "leases that ran out, repeats that came to nothing and addresses are not known",
    "the phone is taken to have been given halfway between being let in and being accepted",
)


class Report(Struct, frozen=True, kw_only=True):
    """`recorded_wait_p50_seconds` is what was seen while recording, where that is known.

    `in_force` is the day again as it was recorded; `rehearsed` the same day with `changes`, None without any.
    """

    programme: str
    source: Source
    visits: int
    people: int
    lasted_seconds: float
    recorded_wait_p50_seconds: float | None
    changes: dict[str, Value]
    in_force: Figures
    rehearsed: Figures | None
    recommendation: Recommendation
    assumptions: tuple[str, ...]


def rehearse(
    recording: Recording, changes: Mapping[str, Value], seed: int, sms_price: float | None = None
) -> Report:
    """Play the day as it was and with `changes`, by the names of the controls.

    Raises UnknownControl, OutOfRange, MessageMissing, RecordingError, NoServer, ClockNotFound.
    """
    header, arrivals = recording.header, recording.arrivals
    waits_ms = [arrival.waited_ms for arrival in arrivals if arrival.waited_ms is not None]
    recorded_ms = percentile(waits_ms, 0.5)
    in_force = _with_cost(replay(recording, {}, seed), sms_price)
    return Report(
        programme=header.programme.code,
        source=header.source,
        visits=len(arrivals),
        people=len({arrival.person for arrival in arrivals}),
        lasted_seconds=(arrivals[-1].at_ms - arrivals[0].at_ms) / 1000,
        recorded_wait_p50_seconds=None if recorded_ms is None else recorded_ms / 1000,
        changes=dict(changes),
        in_force=in_force,
        rehearsed=_with_cost(replay(recording, changes, seed), sms_price) if changes else None,
        recommendation=recommend(recording),
        assumptions=_ASSUMPTIONS + (_OF_REGISTER if header.source is Source.REGISTER else ()),
    )


def _with_cost(figures: Figures, sms_price: float | None) -> Figures:
    cost = None if sms_price is None else round(figures.codes_sent * sms_price, 2)
    return msgspec.structs.replace(figures, sms_cost=cost)
