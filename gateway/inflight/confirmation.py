"""The phone of an applicant: its code, and the acceptance that a right code brings."""

from enum import IntEnum

import msgspec

from gateway.domain.case import job_id
from gateway.domain.programme import Conversion
from gateway.inflight.jobs import JOB_TTL_MS, PROCESS_CASE, SEND_CODE, job_payload
from gateway.inflight.store import Store


class ConfirmationRules(msgspec.Struct, frozen=True):
    """What a programme's file says about phones; limits as `limit_text` writes them.

    `codes_per_day`: what the programme may send in all, 0 for any number. `day_offset_ms`: how far local
    midnight is from UTC. `phones_checked`: whether the workers ask whose a phone is.
    """

    limit_seed: int
    lease_after_code_ms: int
    resend_ms: int
    phone_limit: str
    block_limit: str
    codes_per_day: int
    changes: int
    tries: int
    persons_per_phone: int
    day_offset_ms: int
    kept_ms: int
    code_address_limit: str
    conversion: Conversion
    phones_checked: bool


class PhoneOutcome(IntEnum):
    SENT = 0
    NOT_FOUND = 1
    WRONG_STATE = 2
    SENT_A_MOMENT_AGO = 3
    TOO_MANY_CODES = 4
    LOCKED = 5
    CHANGED_TOO_OFTEN = 6
    TOO_MANY_NEARBY = 7
    BUDGET_SPENT = 8
    TOO_MANY_FROM_ADDRESS = 9
    WASTED = 10


class ConfirmOutcome(IntEnum):
    ACCEPTED = 0
    NOT_FOUND = 1
    WRONG_STATE = 2
    WRONG_CODE = 3
    LOCKED = 4
    EXPIRED = 5
    ALREADY_APPLIED = 6
    PHONE_SPENT = 7
    FULL = 8
    IN_DOUBT = 9


class PhoneAnswer(msgspec.Struct, frozen=True):
    """`figure`: attempts left when sent, else milliseconds after which to come back."""

    outcome: PhoneOutcome
    figure: int = 0


class ConfirmAnswer(msgspec.Struct, frozen=True):
    """`figure`: attempts left after a wrong code, else milliseconds after which to come back."""

    outcome: ConfirmOutcome
    figure: int = 0


class SealedCode(msgspec.Struct, frozen=True):
    """A phone and its code as they go to Redis: keyed hashes and sealed bytes.

    `block_hash` stands for the phone's block of numbers, `address_hash` for where the code was asked from.
    """

    phone_hash: str
    block_hash: str
    sealed_phone: bytes
    code_hash: str
    sealed_message: bytes
    address_hash: str


async def give_phone(
    store: Store, programme: str, rules: ConfirmationRules, application: tuple[str, str], code: SealedCode
) -> PhoneAnswer:
    """Queue an SMS with the code. `application`: id and receipt hash. Raises StoreUnavailable."""
    application_id, receipt_hash = application
    reply = await store.call(
        "phone",
        programme,
        id=application_id,
        receipt_hash=receipt_hash,
        **msgspec.structs.asdict(code),
        lease_after_code_ms=rules.lease_after_code_ms,
        resend_ms=rules.resend_ms,
        phone_limit=rules.phone_limit,
        code_address_limit=rules.code_address_limit,
        block_limit=rules.block_limit,
        conversion_codes=rules.conversion.codes,
        conversion_window_ms=_conversion_window_ms(rules),
        conversion_least_percent=rules.conversion.least_percent,
        conversion_trickle=rules.conversion.trickle,
        conversion_shadow=int(rules.conversion.shadow),
        codes_per_day=rules.codes_per_day,
        changes=rules.changes,
        tries=rules.tries,
        day_offset_ms=rules.day_offset_ms,
        kept_ms=rules.kept_ms,
        job_id=job_id(application_id),
        payload=job_payload(SEND_CODE, application_id),
        job_ttl_ms=JOB_TTL_MS,
    )
    return PhoneAnswer(PhoneOutcome(reply[0]), *reply[1:])


async def confirm(
    store: Store, programme: str, rules: ConfirmationRules, application: tuple[str, str], code_hash: str
) -> ConfirmAnswer:
    """Accept the case if the code is right. `application`: id and receipt hash. Raises StoreUnavailable."""
    application_id, receipt_hash = application
    reply = await store.call(
        "confirm",
        programme,
        id=application_id,
        receipt_hash=receipt_hash,
        code_hash=code_hash,
        limit_seed=rules.limit_seed,
        tries=rules.tries,
        persons_per_phone=rules.persons_per_phone,
        phones_checked=int(rules.phones_checked),
        lease_after_code_ms=rules.lease_after_code_ms,
        conversion_window_ms=_conversion_window_ms(rules),
        day_offset_ms=rules.day_offset_ms,
        kept_ms=rules.kept_ms,
        job_id=job_id(application_id),
        payload=job_payload(PROCESS_CASE, application_id),
        job_ttl_ms=JOB_TTL_MS,
    )
    return ConfirmAnswer(ConfirmOutcome(reply[0]), *reply[1:])


def _conversion_window_ms(rules: ConfirmationRules) -> int:
    return rules.conversion.window_seconds * 1000
