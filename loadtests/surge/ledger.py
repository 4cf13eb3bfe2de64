"""The client's book: what each person saw, a line an answer. A killed process loses at most its last line.

Nothing personal is in it: people and visits are ordinals of the plan.
"""

import os
from collections.abc import Iterator
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from loadtests.surge.casting import Kind

# What a healthy service may refuse with as an error of its own.
_REFUSALS = frozenset({"full", "store_unavailable", "programme_closed"})

# Enough to decode quickly, little enough to hold: a long run has hundreds of megabytes.
_BYTES_AT_ONCE = 4_000_000


class Step(StrEnum):
    """What somebody did. `SMS` is the wait for a message; `END` closes a visit."""

    READ = "read"
    PRECHECK = "precheck"
    SUBMIT = "submit"
    POLL = "poll"
    PHONE = "phone"
    SMS = "sms"
    CONFIRM = "confirm"
    LOOK = "look"
    END = "end"


class Outcome(StrEnum):
    """How a visit ended for the one who came."""

    SERVED = "served"
    REFUSED = "refused"
    ALREADY_APPLIED = "already_applied"
    # The form stayed wrong.
    WRONG_FORM = "wrong_form"
    # Went away: when told to wait, or after being let in.
    LEFT = "left"
    VANISHED = "vanished"
    # Told to come back at a time that is beyond the run.
    TURNED_AWAY = "turned_away"
    # Nothing helped: no SMS, or a lease that lapsed again and again.
    GAVE_UP = "gave_up"
    # The run ended first.
    CUT = "cut"
    # The generator made a mistake: see locust.log.
    FAILED = "failed"
    BOT = "bot"


class Entry(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One answer. Times are Unix epoch microseconds: `intended_at_us` is when the person meant to act.

    `status` 0 is an answer that never came, `code` then names the error; otherwise `code` is that of the
    problem, or empty. `lane`, `number` and `epoch` are those of the ticket, given or sent. `told_ms` is when
    to come back, as poll_after_ms or Retry-After said it. `state` is that of the case or of the place in the
    line.
    """

    visit: int
    person: int
    step: Step
    intended_at_us: int
    sent_at_us: int
    answered_at_us: int
    kind: Kind = Kind.PERSON
    is_repeat: bool = False
    status: int = 0
    code: str = ""
    id: str = ""
    state: str = ""
    journal_number: str = ""
    lane: int | None = None
    number: int | None = None
    epoch: int | None = None
    position: int | None = None
    eta_seconds: int | None = None
    eta_p90_seconds: int | None = None
    told_ms: int | None = None
    outcome: Outcome | None = None

    @property
    def is_admission(self) -> bool:
        return self.step is Step.SUBMIT and self.status == HTTPStatus.ACCEPTED

    @property
    def is_acceptance(self) -> bool:
        """The service said that the application is accepted: it must never be lost again."""
        return self.step is Step.CONFIRM and self.status == HTTPStatus.OK

    @property
    def is_unexpected(self) -> bool:
        return is_unexpected(self.status, self.code) and self.step is not Step.END

    @property
    def latency_ms(self) -> float:
        """From the moment the person meant to act: time that the generator was late counts too."""
        return (self.answered_at_us - self.intended_at_us) / 1000

    @property
    def late_ms(self) -> float:
        return (self.sent_at_us - self.intended_at_us) / 1000


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Entry)


def is_unexpected(status: int, code: str) -> bool:
    """Tell whether no healthy service answers like this: not at all, or with an error that is no refusal."""
    return status == 0 or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and code not in _REFUSALS)


class LedgerError(ValueError):
    """Names the file and what is wrong in it."""


class LedgerWriter:
    """Appends to one file, which no other process writes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, entry: Entry) -> None:
        # A line a call: what the kernel has is safe from a kill, and a call costs a few microseconds.
        os.write(self._file, _ENCODER.encode(entry) + b"\n")

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()


class LedgerFollower:
    """Reads the ledgers of a folder while they are written; each call yields what has come since the last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_to: dict[Path, int] = {}

    def new_entries(self) -> Iterator[Entry]:
        """Leave a line that is not finished for the next call. Raises LedgerError."""
        for path in sorted(self._folder.glob("*.jsonl")):
            while lines := self._next_lines(path):
                try:
                    yield from _DECODER.decode_lines(lines)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise LedgerError(f"{path}: a line is not an entry: {error}") from None

    def _next_lines(self, path: Path) -> bytes:
        begin = self._read_to.get(path, 0)
        with path.open("rb") as file:
            file.seek(begin)
            complete, newline, _ = file.read(_BYTES_AT_ONCE).rpartition(b"\n")
        self._read_to[path] = begin + len(complete) + len(newline)
        return complete


def read_ledger(folder: Path) -> Iterator[Entry]:
    """Yield all entries of a folder, file by file; a line that a kill tore at the end is left out.

    Raises LedgerError for any other line that is not an entry.
    """
    return LedgerFollower(folder).new_entries()
