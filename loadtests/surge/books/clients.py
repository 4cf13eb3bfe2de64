"""What people were told: the client's book by application, and by place in the line."""

from collections import defaultdict
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field

from gateway.domain.case import DECIDED, State
from loadtests.surge.ledger import Entry, Step, read_ledger

# A case is told to be over for the service only once the register has it so.
_ENDS = DECIDED | {State.FORWARDED, State.REFUSED}

# A poll is answered from figures that are at most this old (STALE_AFTER_SECONDS of the summaries).
_POLL_AGE_US = 5_000_000

_CALLED = frozenset({"called", "missed", "claimed"})


class LineKey(NamedTuple):
    epoch: int
    lane: int


class Heard(NamedTuple):
    """A number, and the moment (epoch µs) by which, or as of which, it was said to be called, or waiting."""

    at_us: int
    number: int


class Line(Struct):
    called: list[Heard] = field(default_factory=list)
    waiting: list[Heard] = field(default_factory=list)


class Clients(Struct):
    """By application id: the answer that let it in, the one that accepted it, its number, and its end."""

    admitted: dict[str, Entry] = field(default_factory=dict)
    accepted: dict[str, Entry] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    ends: dict[str, State] = field(default_factory=dict)
    lines: dict[LineKey, Line] = field(default_factory=lambda: defaultdict(Line))
    # Admissions for which a ticket was sent.
    claims: list[Entry] = field(default_factory=list)
    unexpected: list[Entry] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        if entry.is_unexpected or entry.code == "not_json":
            self.unexpected.append(entry)
        if entry.is_admission:
            self.admitted.setdefault(entry.id, entry)
        elif entry.is_acceptance:
            self.accepted.setdefault(entry.id, entry)
        elif entry.step is Step.LOOK and entry.status == HTTPStatus.OK:
            self._look(entry)
        if entry.number is not None and entry.lane is not None and entry.epoch is not None:
            self._place(entry, self.lines[LineKey(entry.epoch, entry.lane)], entry.number)

    def _look(self, entry: Entry) -> None:
        if entry.journal_number:
            self.numbers[entry.id] = entry.journal_number
        if entry.state in _ENDS:
            self.ends[entry.id] = State(entry.state)

    def _place(self, entry: Entry, line: Line, number: int) -> None:
        if entry.is_admission:
            self.claims.append(entry)
        if entry.is_admission or (entry.step is Step.POLL and entry.state in _CALLED):
            line.called.append(Heard(entry.answered_at_us, number))
        elif entry.step is Step.POLL and entry.state == "waiting":
            line.waiting.append(Heard(entry.sent_at_us - _POLL_AGE_US, number))
        elif entry.step is Step.SUBMIT and entry.code == "ticket_not_called":
            line.waiting.append(Heard(entry.sent_at_us, number))


def read_clients(folder: Path) -> Clients:
    """Raises LedgerError."""
    clients = Clients()
    for entry in read_ledger(folder):
        clients.add(entry)
    return clients
