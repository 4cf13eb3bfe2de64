"""One person's conversation with the service: every answer counted from when the person meant to ask."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gevent
import msgspec
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS, FastHttpSession
from msgspec import Struct

from gateway.domain.tickets import read_ticket
from loadtests.surge.casting import Visit
from loadtests.surge.ledger import Entry, LedgerWriter, Outcome, Step, is_unexpected

_MICROSECONDS = 1_000_000


class Said(Struct, frozen=True):
    """What is used of any answer of the service."""

    code: str = ""
    id: str = ""
    receipt: str = ""
    state: str = ""
    number: str | None = None
    ticket: str | None = None
    position: int | None = None
    eta_seconds: int | None = None
    eta_p90_seconds: int | None = None
    poll_after_ms: int | None = None


class Answer(Struct, frozen=True):
    """`status` 0: there was none, and `code` names the error. `told_ms`: when to come back, if told."""

    status: int
    code: str
    said: Said
    told_ms: int | None


NO_HEADERS: Mapping[str, str] = MappingProxyType({})

_FOUND = Answer(200, "", Said(), None)
_SAID = msgspec.json.Decoder(Said)
_JSON = msgspec.json.Encoder()


class Talk:
    """Times are Unix epoch microseconds, as in the ledger."""

    def __init__(
        self, session: FastHttpSession, ledger: LedgerWriter, visit: Visit, began_at_us: int, address: str
    ) -> None:
        self._session, self._ledger, self._visit, self._began_at_us = session, ledger, visit, began_at_us
        self._headers = {"X-Forwarded-For": address, "Content-Type": "application/json"}
        self._due_us = began_at_us + int(visit.at_seconds * _MICROSECONDS)

    def ask(
        self,
        step: Step,
        method: str,
        path: str,
        body: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        sent_at_us = now_us()
        with self._session.request(
            method,
            path,
            data=None if body is None else _JSON.encode(body),
            headers={**self._headers, **headers},
            catch_response=True,
        ) as response:
            answered_at_us = now_us()
            answer = _read(response)
            # Locust's own figures, too, count from the intended start, and tell admitted from refused.
            response.request_meta["response_time"] = (answered_at_us - self._due_us) / 1000
            response.request_meta["name"] = f"{step} {answer.code or answer.status}"
            if is_unexpected(answer.status, answer.code):
                response.failure(answer.code or f"status {answer.status}")
            else:
                response.success()
        self._write(step, sent_at_us, answered_at_us, answer, headers.get("Waiting-Ticket"))
        self._due_us = answered_at_us
        return answer

    def peek(self, url: str) -> bytes:
        """Read something that is no part of the service, and goes into no figures; empty when that fails."""
        try:
            return bytes(self._session.client.urlopen(url).content)
        except FAILURE_EXCEPTIONS:
            return b""

    def note_found(self, step: Step) -> None:
        """Write down that what was waited for since the last answer is here."""
        found_at_us = now_us()
        self._write(step, self._due_us, found_at_us, _FOUND)
        self._due_us = found_at_us

    def end(self, outcome: Outcome) -> None:
        at_us = now_us()
        self._ledger.write(self._entry(Step.END, at_us, at_us, at_us, outcome=outcome))

    def pause(self, seconds: float) -> None:
        """Do nothing until so long after the last answer, however late that was noticed here."""
        self._pause_until(self._due_us + int(seconds * _MICROSECONDS))

    def pause_until_second(self, second: float) -> None:
        """Do nothing until that second of the run."""
        self._pause_until(max(self._began_at_us + int(second * _MICROSECONDS), self._due_us))

    def sleep(self, seconds: float) -> None:
        """Wait for something to be found."""
        gevent.sleep(seconds)

    def _pause_until(self, at_us: int) -> None:
        self._due_us = at_us
        gevent.sleep(max(at_us - now_us(), 0) / _MICROSECONDS)

    def _write(
        self, step: Step, sent_at_us: int, answered_at_us: int, answer: Answer, sent_ticket: str | None = None
    ) -> None:
        said = answer.said
        text = said.ticket or sent_ticket
        # Whether it was signed well is the service's business; the number in it is read here only to compare.
        ticket = read_ticket(text, lambda *_: True) if text else None
        self._ledger.write(
            self._entry(
                step,
                self._due_us,
                sent_at_us,
                answered_at_us,
                status=answer.status,
                code=answer.code,
                id=said.id,
                state=said.state,
                journal_number=said.number or "",
                lane=ticket.place.lane if ticket else None,
                number=ticket.place.number if ticket else None,
                epoch=ticket.place.epoch if ticket else None,
                position=said.position,
                eta_seconds=said.eta_seconds,
                eta_p90_seconds=said.eta_p90_seconds,
                told_ms=answer.told_ms,
            )
        )

    def _entry(
        self, step: Step, intended_at_us: int, sent_at_us: int, answered_at_us: int, **answer: Any
    ) -> Entry:
        visit = self._visit
        return Entry(
            visit=visit.ordinal,
            person=visit.person,
            kind=visit.kind,
            is_repeat=visit.is_repeat,
            step=step,
            intended_at_us=intended_at_us,
            sent_at_us=sent_at_us,
            answered_at_us=answered_at_us,
            **answer,
        )


def now_us() -> int:
    return time.time_ns() // 1000


def _read(response: Any) -> Answer:
    if not response.status_code:
        return Answer(0, type(response.error).__name__, Said(), None)
    try:
        said = _SAID.decode(response.content or b"{}")
    except msgspec.DecodeError:
        # Nothing that this service says is anything else than JSON.
        return Answer(response.status_code, "not_json", Said(), None)
    told_ms = said.poll_after_ms
    if told_ms is None and (retry_after := response.headers.get("retry-after")):
        told_ms = int(retry_after) * 1000
    return Answer(response.status_code, said.code, said, told_ms)
