"""What the peers built on Litestar take and answer: our own body, and as many bytes as we answer."""

import os
from typing import Annotated

import msgspec
from msgspec import Meta

PATH = "/v1/programmes/{programme:str}/applications"


class Form(msgspec.Struct, forbid_unknown_fields=True):
    category: Annotated[str, Meta(pattern="^[a-z_]{1,40}$")]
    iin: Annotated[str, Meta(pattern="^[0-9]{12}$")]
    full_name: Annotated[str, Meta(min_length=2, max_length=200)]
    iban: Annotated[str, Meta(pattern="^KZ[0-9]{5}[0-9A-Z]{13}$")]
    employer: Annotated[str, Meta(pattern="^[0-9]{12}$")] | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    language: Annotated[str, Meta(pattern="^(kk|ru|en)$")] | None = None


class Answer(msgspec.Struct):
    id: str
    receipt: str
    state: str
    expires_at: str
    warnings: list[str]


def answer() -> Answer:
    """Return an answer that has PEER_ANSWER_BYTES as JSON: the receipt is drawn out until it has."""
    bare = Answer("42500-" + "a" * 26, "", "awaiting_phone", "2026-11-22T09:30:00.125Z", [])
    missing = int(os.environ["PEER_ANSWER_BYTES"]) - len(msgspec.json.encode(bare))
    return msgspec.structs.replace(bare, receipt="r" * missing)
