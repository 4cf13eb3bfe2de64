"""A ticket of the waiting room: a signed number, bound to the person who waits."""

import binascii
import re
import struct
from collections.abc import Callable

from msgspec import Struct

# version, flags, number, epoch, person; then what the signer adds.
_BODY = struct.Struct(">BBQQ8s")
_VERSION = 1
_LANE_BIT, _AGAIN_BIT = 1, 2

_TEXT = re.compile(r"([a-z0-9]{1,16})\.([A-Za-z0-9_-]{40,128})")

# Base64 as it is written in addresses (RFC 4648, 5). The library's own functions take twice as long, and the
# whole country polls.
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")

Signer = Callable[[bytes, str], bytes]
Verifier = Callable[[bytes, bytes, str], bool]


class Place(Struct, frozen=True):
    """A number in a lane: 0 the line, 1 the front row of those who came and found no slot.

    `again`: a miss is forgiven once more, for the last one was not the holder's fault.
    `epoch` tells the numbers of one line from those of a line that was lost with its data.
    """

    lane: int
    number: int
    again: bool
    epoch: int


class Ticket(Struct, frozen=True):
    """`person`: the first 16 hexadecimal digits of the person's keyed hash.

    `key`: the id of the key that signed the text it was read from; None before it is written.
    """

    programme: str
    place: Place
    person: str
    key: int | None = None


def write_ticket(ticket: Ticket, sign: Signer) -> str:
    place = ticket.place
    flags = _LANE_BIT * place.lane | _AGAIN_BIT * place.again
    body = _BODY.pack(_VERSION, flags, place.number, place.epoch, bytes.fromhex(ticket.person))
    signed = body + sign(body, ticket.programme)
    return f"{ticket.programme}.{_to_text(signed)}"


def _to_text(signed: bytes) -> str:
    return binascii.b2a_base64(signed, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def read_ticket(text: str, verify: Verifier) -> Ticket | None:
    """Return None for anything that was not signed here for the programme it names."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    programme, encoded = match.groups()
    try:
        # The pattern has seen to the alphabet, and too much padding is ignored.
        signed = binascii.a2b_base64(encoded.encode().translate(_FROM_URL) + b"==")
    except binascii.Error:
        return None
    if _to_text(signed) != encoded:
        return None  # Spare bits of the last letter: the same bytes written in another way.
    body, signature = signed[: _BODY.size], signed[_BODY.size :]
    if len(body) < _BODY.size or not verify(body, signature, programme):
        return None
    version, flags, number, epoch, person = _BODY.unpack(body)
    if version != _VERSION or flags > _LANE_BIT | _AGAIN_BIT:
        return None
    place = Place(flags & _LANE_BIT, number, bool(flags & _AGAIN_BIT), epoch)
    return Ticket(programme, place, person.hex(), signature[0])
