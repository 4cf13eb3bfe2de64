"""Applications as the gateway sends them to Redis: as large, sealed alike, and under the same limits."""

import hashlib
import secrets
from ipaddress import ip_address

import msgspec

from gateway.domain.application import Application
from gateway.domain.case import new_application_id
from gateway.domain.programme import load_programme
from gateway.domain.tickets import Place
from gateway.inflight.admission import Admission, AdmissionRules
from gateway.inflight.limits import limit_text
from gateway.sealing import KEY_BYTES, KeyRing
from loadtests.bench.pinned import ROOT
from loadtests.people import address, form, iban, iin

PROGRAMME = load_programme(ROOT / "config" / "programmes" / "42500.toml")

# The end of a confirmed case's slot, as _shared.lua has it.
NEVER_MS = 9_000_000_000_000_000

_LEASE_MS = PROGRAMME.leases.before_phone_seconds * 1_000

RING = KeyRing({1: bytes(KEY_BYTES)}, active=1, lookup_key=bytes(KEY_BYTES))

_FORMS = msgspec.msgpack.Encoder()


def rules(
    slots: int = PROGRAMME.slots, lease_ms: int = PROGRAMME.leases.before_phone_seconds * 1000
) -> AdmissionRules:
    """Return what the file of the programme says, but for slots and lease."""
    return AdmissionRules(
        limit_seed=slots,
        lease_before_phone_ms=lease_ms,
        unconfirmed_share_percent=PROGRAMME.leases.unconfirmed_share_percent,
        candidates=PROGRAMME.candidates,
        address_limit=limit_text(PROGRAMME.limits.address),
        person_limit=limit_text(PROGRAMME.limits.person),
    )


def application(n: int, programme: str = PROGRAMME.code) -> Admission:
    """Return what the nth person sends from home; id, receipt and idempotency key are new each time."""
    application_id, receipt = new_application_id(programme), secrets.token_urlsafe(32)
    body = _FORMS.encode(msgspec.convert({"employer": None, **form(n)}, Application))
    return Admission(
        id=application_id,
        address=RING.address(ip_address(address(n)).packed),
        person=RING.person(programme, iin(n)),
        proof=RING.digest(f"{iin(n)} {iban(n)}".encode())[:16],
        receipt_hash=hashlib.sha256(receipt.encode()).hexdigest(),
        body=RING.seal(body, application_id),
        idempotency=RING.idempotency(programme, application_id),
        digest=RING.digest(body),
        sealed_receipt=RING.seal(receipt.encode(), application_id),
    )


def with_ticket(one: Admission, place: Place) -> Admission:
    return msgspec.structs.replace(
        one,
        lane=str(place.lane),
        number=str(place.number),
        again=str(int(place.again)),
        epoch=str(place.epoch),
    )
