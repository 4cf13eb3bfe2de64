"""A crowd that behaves: who finds no slot takes the ticket, asks when told to, and comes when called."""

import time

import msgspec

from loadtests.bench.agenda import Agenda, Deed, plan_arrivals
from loadtests.bench.calls import Calls
from loadtests.bench.http1 import Answer, header
from loadtests.bench.loads import APPLY, CLAIM, POLL, Crowd, Result
from loadtests.bench.pool import Pool
from loadtests.bench.requests import apply, poll, with_ticket
from loadtests.people import address

_ACCEPTED = 202
# Whoever is told nothing comes back when a person would.
_PAUSE_SECONDS = 2.0


class Told(msgspec.Struct, frozen=True):
    """What a client reads of a refusal or a poll."""

    ticket: str | None = None
    poll_after_ms: int | None = None
    state: str | None = None


_TOLD = msgspec.json.Decoder(Told)


async def run_crowd(load: Crowd) -> Result:
    calls = Calls(Pool(load.port, load.most_connections), load.patience_seconds)
    agenda = Agenda()
    arrivals = plan_arrivals(load.per_second, load.seconds)
    people = [_Person(load.first + n, calls, agenda) for n in range(len(arrivals))]
    began_at = time.perf_counter()
    for at, person in zip(arrivals, people, strict=True):
        agenda.add(began_at + at, person.arrive)
    ended_at = began_at + load.seconds
    await agenda.follow(ended_at)
    return await calls.finish(began_at, ended_at)


class _Person:
    __slots__ = ("_address", "_agenda", "_calls", "_request", "_ticket")

    def __init__(self, n: int, calls: Calls, agenda: Agenda) -> None:
        self._calls, self._agenda = calls, agenda
        self._address = address(n)
        self._request = apply(n, self._address)
        self._ticket = ""

    def arrive(self, planned_at: float) -> None:
        self._calls.make(planned_at, APPLY, self._request, self._after_form)

    def claim(self, planned_at: float) -> None:
        request = with_ticket(self._request, self._ticket)
        self._calls.make(planned_at, CLAIM, request, self._after_form)

    def poll(self, planned_at: float) -> None:
        self._calls.make(planned_at, POLL, poll(self._ticket, self._address), self._after_poll)

    def _after_form(self, answer: Answer) -> None:
        if answer.status == _ACCEPTED:
            return
        told = _TOLD.decode(answer.body)
        self._ticket = told.ticket or self._ticket
        self._later(self.poll if self._ticket else self.arrive, answer, told)

    def _after_poll(self, answer: Answer) -> None:
        told = _TOLD.decode(answer.body)
        if told.state in {"called", "missed"}:
            self.claim(time.perf_counter())
        elif told.state != "claimed":
            self._later(self.poll, answer, told)

    def _later(self, deed: Deed, answer: Answer, told: Told) -> None:
        self._agenda.add(time.perf_counter() + _pause_seconds(answer, told), deed)


def _pause_seconds(answer: Answer, told: Told) -> float:
    if told.poll_after_ms is not None:
        return told.poll_after_ms / 1000
    return float(header(answer.head, b"retry-after") or _PAUSE_SECONDS)
