"""Messages as they lie sealed in Redis: nothing of them is ever in clear outside a process."""

import hashlib

import msgspec


class CodeMessage(msgspec.Struct, frozen=True, array_like=True):
    phone: str
    text: str


class LostReceiptMessage(msgspec.Struct, frozen=True, array_like=True):
    number: str
    phone: str
    text: str


CODE_MESSAGES = msgspec.msgpack.Decoder(CodeMessage)
LOST_RECEIPT_MESSAGES = msgspec.msgpack.Decoder(LostReceiptMessage)


def message_id(sealed: bytes) -> str:
    """Name a message, so that a provider can tell a repeat; the same sealed bytes are the same message."""
    return hashlib.sha256(sealed).hexdigest()[:32]
