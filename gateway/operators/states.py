"""A programme at one look, as the operators' API tells it. What is not known is None, never 0."""

import msgspec
from msgspec import Struct

from gateway.http.wire import rfc3339
from gateway.operators.sampling import Reading, Sample, waiting_of
from gateway.operators.systems import SystemState


class QueueState(Struct, frozen=True):
    jobs: int
    oldest_seconds: float


class SmsState(Struct, frozen=True):
    """Codes of the last quarter of an hour. One that was asked for twice is sent twice."""

    sent: int | None = None
    confirmed: int | None = None
    confirmed_percent: float | None = None


class Around(Struct, frozen=True):
    """What gateways and workers tell by themselves, with Redis or without."""

    systems: dict[str, SystemState] | None = None
    sms: SmsState = SmsState()
    workers_alive: int | None = None
    gateways_alive: int | None = None


class State(Struct, frozen=True):
    at: str
    programme: str
    sample: Sample
    store_up: bool
    mode: str | None = None
    limit: int | None = None
    live: int | None = None
    unconfirmed: int | None = None
    confirmed: int | None = None
    accepted: int | None = None
    high: int | None = None
    waiting: int | None = None
    front_row_waiting: int | None = None
    reserved: int | None = None
    eta_seconds: int | None = None
    eta_p90_seconds: int | None = None
    queues: dict[str, QueueState] | None = None
    systems: dict[str, SystemState] | None = None
    sms: SmsState = SmsState()
    workers_alive: int | None = None
    gateways_alive: int | None = None


def state_of(reading: Reading, sample: Sample, around: Around) -> State:
    found, programme, at = reading.figures, reading.programme, rfc3339(reading.at_ms)
    told = msgspec.structs.asdict(around)
    if found is None:
        return State(at, programme, sample, reading.is_store_up, **told)
    return State(
        at,
        programme,
        sample,
        store_up=True,
        mode=found.mode,
        limit=found.limit,
        live=found.live,
        unconfirmed=found.unconfirmed,
        confirmed=found.live - found.unconfirmed,
        accepted=found.accepted,
        high=found.high,
        waiting=waiting_of(found),
        front_row_waiting=found.front_row.waiting,
        reserved=found.line.reserved + found.front_row.reserved,
        eta_seconds=reading.eta.seconds,
        eta_p90_seconds=reading.eta.p90_seconds,
        queues={name: QueueState(one.jobs, one.oldest_seconds) for name, one in found.queues.items()},
        **told,
    )
