"""A lost receipt, had again with the journal number and the phone that confirmed."""

import secrets
from enum import IntEnum

import msgspec

from gateway.inflight.confirmation import ConfirmationRules
from gateway.inflight.jobs import JOB_TTL_MS, SEND_RECEIPT_CODE, job_payload
from gateway.inflight.store import Store


class AskOutcome(IntEnum):
    SENT = 0
    ASKED_A_MOMENT_AGO = 3
    TOO_MANY_CODES = 4
    LOCKED = 5
    TOO_MANY_FROM_ADDRESS = 6


class RedeemOutcome(IntEnum):
    RIGHT = 0
    WRONG_CODE = 3
    LOCKED = 4
    EXPIRED = 5


class AskAnswer(msgspec.Struct, frozen=True):
    """`figure`: attempts left when asked, else milliseconds after which to come back."""

    outcome: AskOutcome
    figure: int = 0


class RedeemAnswer(msgspec.Struct, frozen=True):
    """`figure`: attempts left after a wrong code, else milliseconds after which to come back."""

    outcome: RedeemOutcome
    figure: int = 0


class Asking(msgspec.Struct, frozen=True):
    """Who asks for a lost receipt: `request`: keyed hash of number and phone, `address`: of where from."""

    request: str
    address: str
    address_limit: str
    code_hash: str
    sealed_message: bytes


async def ask_receipt(
    store: Store,
    programme: str,
    rules: ConfirmationRules,
    asking: Asking,
) -> AskAnswer:
    """Note the request; raises StoreUnavailable."""
    reply = await store.call(
        "ask_receipt",
        programme,
        request=asking.request,
        address=asking.address,
        code_hash=asking.code_hash,
        sealed_message=asking.sealed_message,
        lease_after_code_ms=rules.lease_after_code_ms,
        resend_ms=rules.resend_ms,
        address_limit=asking.address_limit,
        phone_limit=rules.phone_limit,
        tries=rules.tries,
        day_offset_ms=rules.day_offset_ms,
        job_id=f"{{{programme}}}-receipt-{asking.request}",
        payload=job_payload(SEND_RECEIPT_CODE, asking.request),
        job_ttl_ms=JOB_TTL_MS,
    )
    return AskAnswer(AskOutcome(reply[0]), *reply[1:])


async def redeem_receipt(
    store: Store, programme: str, rules: ConfirmationRules, request: str, code_hash: str
) -> RedeemAnswer:
    """Check the code that was sent for a lost receipt; raises StoreUnavailable."""
    reply = await store.call(
        "redeem_receipt",
        programme,
        request=request,
        code_hash=code_hash,
        tries=rules.tries,
        day_offset_ms=rules.day_offset_ms,
        call=secrets.token_hex(8),
    )
    return RedeemAnswer(RedeemOutcome(reply[0]), *reply[1:])
