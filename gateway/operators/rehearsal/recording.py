"""The file with a recorded day: a line that says what was in force, then a line for each who came.

People are numbers in the order in which they first came. Nothing in here leads back to anybody.
"""

import gzip
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import IO, Annotated, Literal, TypeVar, cast

import msgspec
from msgspec import Meta, Struct

from gateway.domain.programme import Programme

T = TypeVar("T")

Milliseconds = Annotated[int, Meta(ge=0)]
Number = Annotated[int, Meta(ge=0)]


class RecordingError(ValueError):
    """Names the file, the line and what is wrong, in one line."""


class Source(StrEnum):
    """Who wrote it down, and so what could be seen."""

    SURGE = "surge"
    REGISTER = "register"


class Reached(StrEnum):
    """How far somebody came: not in, to a slot, to giving the phone, to typing the code."""

    DOOR = "door"
    SLOT = "slot"
    PHONE = "phone"
    CODE = "code"


class Header(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`programme` and `limit` as they were in force, whatever operators had changed."""

    format: Literal["qabyldau-recording"] = "qabyldau-recording"
    version: Literal[1] = 1
    source: Source
    programme: Programme
    limit: Annotated[int, Meta(ge=0)]


class Arrival(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Somebody comes with a right form. What was not seen is None, and is drawn from what others did.

    `person` and `address` are numbers. `comes_back`: whether the place in the line was taken up at all;
    `every_ms`: the pause of somebody who comes back without regard to what was told. `claim_ms` is from being
    called to the form, `waited_ms` from the first form to being let in, of those who were told to wait.
    `phone_ms` is from being let in to giving the phone, `code_ms` from there to typing the code, `codes` how
    many were sent meanwhile. `service_ms` is from acceptance to the slot being free again.
    """

    at_ms: Milliseconds
    person: Number
    address: Number | None = None
    reached: Reached = Reached.DOOR
    comes_back: bool | None = None
    every_ms: Milliseconds | None = None
    claim_ms: Milliseconds | None = None
    waited_ms: Milliseconds | None = None
    phone_ms: Milliseconds | None = None
    code_ms: Milliseconds | None = None
    codes: Annotated[int, Meta(ge=1, le=100)] = 1
    service_ms: Milliseconds | None = None
    is_refused: bool = False


class Recording(Struct, frozen=True):
    """Arrivals in the order of their times."""

    header: Header
    arrivals: Sequence[Arrival]


def write_recording(recording: Recording, path: Path) -> None:
    """Compress when the name ends with `.gz`."""
    encoder = msgspec.json.Encoder()
    with _open(path, "wb") as file:
        file.write(encoder.encode(recording.header) + b"\n")
        file.writelines(encoder.encode(arrival) + b"\n" for arrival in recording.arrivals)


def read_recording(path: Path) -> Recording:
    """Raises RecordingError, and OSError for a file that cannot be opened."""
    try:
        with _open(path, "rb") as file:
            header = _decode(path, 1, file.readline(), msgspec.json.Decoder(Header))
            arrivals = _read_arrivals(path, file)
    except (gzip.BadGzipFile, EOFError):
        raise RecordingError(f"{path}: is not compressed as its name says") from None
    if not arrivals:
        raise RecordingError(f"{path}: nobody came")
    if any(before.at_ms > after.at_ms for before, after in pairwise(arrivals)):
        raise RecordingError(f"{path}: arrivals stand in the order of their times")
    return Recording(header, arrivals)


def _read_arrivals(path: Path, lines: Iterable[bytes]) -> list[Arrival]:
    decoder = msgspec.json.Decoder(Arrival)
    return [_decode(path, number, line, decoder) for number, line in enumerate(lines, start=2)]


def _decode(path: Path, number: int, line: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as reason:
        raise RecordingError(f"{path}: line {number}: {reason}") from None


def _open(path: Path, mode: Literal["rb", "wb"]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode))
