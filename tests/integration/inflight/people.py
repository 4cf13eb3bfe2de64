"""Made-up people and what they do at the door, without the web in between."""

import hashlib
from typing import Any

import msgspec

from config.settings import CONFIG_DIR
from gateway.domain.case import State, new_application_id
from gateway.domain.controls import Value
from gateway.domain.programme import Conversion, load_programmes
from gateway.domain.tickets import Place
from gateway.inflight.admission import Admission, AdmissionRules, Admitted, Decision, admit
from gateway.inflight.confirmation import (
    ConfirmAnswer,
    ConfirmationRules,
    ConfirmOutcome,
    PhoneAnswer,
    SealedCode,
    confirm,
    give_phone,
)
from gateway.inflight.progress import finish, take
from gateway.inflight.status import Summary, tick
from gateway.inflight.steering import change_controls
from gateway.inflight.store import Store

PROGRAMME = "42500"
FILE = load_programmes(CONFIG_DIR / "programmes")[PROGRAMME]
ALMATY_MS = 5 * 3600 * 1000
KEPT_MS = 3_600_000
LEASE_MS = 180_000
UNLIMITED = "1000000:1000:0"
ANYTHING = Conversion(codes=10_000_000)
MESSAGES = {"message_kk": "Үзіліс.", "message_ru": "Перерыв.", "message_en": "A break."}


def keyed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def admission_rules(limit: int = 3, **changes: Any) -> AdmissionRules:
    defaults: dict[str, Any] = {
        "limit_seed": limit,
        "lease_before_phone_ms": LEASE_MS,
        "unconfirmed_share_percent": 100,
        "candidates": 5,
        "address_limit": UNLIMITED,
        "person_limit": UNLIMITED,
    }
    return AdmissionRules(**{**defaults, **changes})


def confirmation_rules(limit: int = 3, **changes: Any) -> ConfirmationRules:
    defaults: dict[str, Any] = {
        "limit_seed": limit,
        "lease_after_code_ms": 600_000,
        "resend_ms": 60_000,
        "phone_limit": "5:86400000:0",
        "block_limit": UNLIMITED,
        "codes_per_day": 0,
        "changes": 2,
        "tries": 5,
        "persons_per_phone": 3,
        "day_offset_ms": ALMATY_MS,
        "kept_ms": KEPT_MS,
        "code_address_limit": UNLIMITED,
        "conversion": ANYTHING,
        "phones_checked": False,
    }
    return ConfirmationRules(**{**defaults, **changes})


def application(
    person: str, iban: str = "own", key: str = "", programme: str = PROGRAMME, address: str = "home"
) -> Admission:
    """Build an application of `person`; `iban` tells same from foreign, `key` is an idempotency key."""
    application_id = new_application_id(programme)
    return Admission(
        id=application_id,
        address=keyed(address),
        person=keyed(person),
        proof=keyed(person + iban)[:16],
        receipt_hash=keyed("receipt" + application_id) * 2,
        body=b"sealed body of " + application_id.encode(),
        idempotency=keyed(key) if key else "",
        digest=keyed(person + iban),
        sealed_receipt=b"sealed receipt",
    )


def with_ticket(one: Admission, place: Place) -> Admission:
    return msgspec.structs.replace(
        one,
        lane=str(place.lane),
        number=str(place.number),
        again=str(int(place.again)),
        epoch=str(place.epoch),
    )


async def apply(store: Store, one: Admission, limit: int = 3, **changes: Any) -> Decision:
    (decision,) = await admit(store, PROGRAMME, admission_rules(limit, **changes), [one])
    return decision


async def admitted(store: Store, person: str, limit: int = 3, **changes: int) -> Admission:
    one = application(person)
    assert isinstance(await apply(store, one, limit, **changes), Admitted)
    return one


async def phone(store: Store, one: Admission, number: str, code: str, **changes: Any) -> PhoneAnswer:
    """`changes` of the rules; `address` among them is where the code is asked from."""
    sealed = SealedCode(
        phone_hash=keyed(number),
        block_hash=keyed(number[:-4]),
        sealed_phone=b"sealed phone",
        code_hash=keyed(one.id + code),
        sealed_message=b"message " + code.encode(),
        address_hash=keyed(changes.pop("address", "home")),
    )
    return await give_phone(
        store, PROGRAMME, confirmation_rules(**changes), (one.id, one.receipt_hash), sealed
    )


async def enter(store: Store, one: Admission, code: str, **changes: Any) -> ConfirmAnswer:
    rules = confirmation_rules(**changes)
    return await confirm(store, PROGRAMME, rules, (one.id, one.receipt_hash), keyed(one.id + code))


async def accepted(store: Store, person: str, number: str = "", limit: int = 3) -> Admission:
    one = await admitted(store, person, limit)
    await phone(store, one, number or person, "111111")
    assert (await enter(store, one, "111111", limit_seed=limit)).outcome is ConfirmOutcome.ACCEPTED
    return one


async def free_slot(store: Store, one: Admission) -> None:
    case = await take(store, PROGRAMME, one.id)
    assert case is not None
    await finish(store, PROGRAMME, one.id, case.fence, State.FORWARDED, KEPT_MS)


async def serve(store: Store) -> Summary:
    """Tick as a gateway with the limit of the file does."""
    return await tick(store, PROGRAMME, FILE.slots, KEPT_MS)


async def steer(store: Store, **changes: Value | None) -> dict[str, Value]:
    """Change controls as an operator would, whatever was there before."""
    return await change_controls(store, FILE, changes, {})


async def pass_time(store: Store, ms: int) -> None:
    """Let service time pass as if gateways had ticked all the while."""
    await tick(store, PROGRAMME, 3, KEPT_MS)
    for clock in ("svc", "run"):
        await store.redis.hincrby(f"{{{PROGRAMME}}}:door", clock, ms)  # type: ignore[misc]  # redis-py types one method for sync and async.
    await tick(store, PROGRAMME, 3, KEPT_MS)


async def live(store: Store) -> int:
    return (await tick(store, PROGRAMME, 3, KEPT_MS)).live


async def field(store: Store, one: Admission, name: str) -> Any:
    return await store.redis.hget(f"{{{PROGRAMME}}}:case:{one.id}", name)  # type: ignore[misc]  # As above.
