"""The receipt: what an applicant shows instead of a password. It is stored as a hash only."""

import hashlib
import re
import secrets
from typing import NamedTuple

from gateway.domain.case import programme_of
from gateway.http.refusals import ProblemCode, Refusal
from gateway.http.request import Exchange, header_of, services_of, trace_of
from gateway.http.services import Intake

# 256 bits cannot be guessed, so a plain hash is enough to store.
RECEIPT_BYTES = 32

_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]{43})", re.IGNORECASE)


class Holder(NamedTuple):
    """Who says that an application is theirs; whether it is, the store tells."""

    intake: Intake
    application_id: str
    receipt_hash: str

    @property
    def claim(self) -> tuple[str, str]:
        return self.application_id, self.receipt_hash


def new_receipt() -> str:
    return secrets.token_urlsafe(RECEIPT_BYTES)


def hash_receipt(receipt: str) -> str:
    return hashlib.sha256(receipt.encode()).hexdigest()


def holder_of(exchange: Exchange, application_id: str) -> Holder:
    """Raise Refusal, the same for an id or a receipt that cannot be right as for an unknown one."""
    programme = programme_of(application_id)
    bearer = _BEARER.fullmatch(header_of(exchange, b"authorization") or "")
    if programme is None or bearer is None:
        raise Refusal(ProblemCode.NOT_FOUND)
    intake = services_of(exchange).intake(programme)
    trace_of(exchange).application_id = application_id
    return Holder(intake, application_id, hash_receipt(bearer[1]))
