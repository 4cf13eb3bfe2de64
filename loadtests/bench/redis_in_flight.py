"""What Redis needs for as many applications as there are slots: as they come in, and when accepted."""

import asyncio

import msgspec

from gateway.domain.texts import DEFAULT_LANGUAGE, load_texts
from gateway.inflight.admission import MOST_PER_CALL, Admission, admit
from gateway.inflight.confirmation import (
    ConfirmationRules,
    ConfirmOutcome,
    SealedCode,
    confirm,
    give_phone,
)
from gateway.inflight.limits import limit_text
from gateway.inflight.records import KEPT_MS
from gateway.inflight.status import tick
from gateway.inflight.store import Store
from loadtests.bench.figures import Figure
from loadtests.bench.http_measure import NotAsExpected
from loadtests.bench.pinned import ROOT
from loadtests.bench.plan import BenchPlan
from loadtests.bench.redis_applications import PROGRAMME, RING, application, rules
from loadtests.bench.redis_server import redis_server, used_mb
from loadtests.people import phone

MOST_MB = 100.0

# Whoever confirms does so alone; so many at once keep Redis busy without many connections and their buffers.
_AT_ONCE = 16

_CODE = "123456"
_DAY_OFFSET_MS = 5 * 3_600_000
_TEXTS = load_texts(ROOT / "config" / "messages")


async def measure_in_flight(plan: BenchPlan) -> list[Figure]:
    """Raises NotAsExpected when not everybody was accepted. Jobs are not worked off, and stay queued."""
    code, slots = PROGRAMME.code, PROGRAMME.slots
    people = [application(n) for n in range(slots)]
    async with redis_server(plan) as server:
        await tick(server.store, code, slots, KEPT_MS)
        empty = await used_mb(server.store)
        for at in range(0, slots, MOST_PER_CALL):
            await admit(server.store, code, rules(), people[at : at + MOST_PER_CALL])
        came_in = await used_mb(server.store)
        for at in range(0, slots, _AT_ONCE):
            crowd = enumerate(people[at : at + _AT_ONCE], at)
            await asyncio.gather(*(accept(server.store, one, n) for n, one in crowd))
        accepted = await used_mb(server.store)
    return [
        Figure(name=f"memory of {slots} {who}", value=used - empty, unit="MB", target=MOST_MB, at_most=True)
        for who, used in [("who came in", came_in), ("who are accepted, jobs queued", accepted)]
    ]


async def accept(store: Store, one: Admission, n: int) -> None:
    """Give the nth person's phone and confirm it. Raises NotAsExpected when that is refused."""
    holder, sealed = (one.id, one.receipt_hash), sealed_code(one, n)
    await give_phone(store, PROGRAMME.code, confirmation_rules(), holder, sealed)
    answer = await confirm(store, PROGRAMME.code, confirmation_rules(), holder, sealed.code_hash)
    if answer.outcome is not ConfirmOutcome.ACCEPTED:
        raise NotAsExpected(f"the code was answered with {answer.outcome.name}")


def sealed_code(one: Admission, n: int) -> SealedCode:
    number = phone(n)
    text = _TEXTS.get(DEFAULT_LANGUAGE, "sms.code", code=_CODE)
    return SealedCode(
        phone_hash=RING.phone(number),
        block_hash=RING.block(number),
        sealed_phone=RING.seal(number.encode(), one.id),
        code_hash=RING.code_hash(one.id, _CODE),
        sealed_message=RING.seal(msgspec.msgpack.encode((number, text)), one.id),
        address_hash=one.address,
    )


def confirmation_rules() -> ConfirmationRules:
    phones, limits = PROGRAMME.phone, PROGRAMME.limits
    return ConfirmationRules(
        limit_seed=PROGRAMME.slots,
        lease_after_code_ms=PROGRAMME.leases.after_code_seconds * 1_000,
        resend_ms=phones.resend_after_seconds * 1_000,
        phone_limit=limit_text(limits.phone),
        block_limit=limit_text(limits.block),
        codes_per_day=limits.codes_per_day,
        changes=phones.changes,
        tries=phones.tries,
        persons_per_phone=phones.persons_per_phone,
        day_offset_ms=_DAY_OFFSET_MS,
        kept_ms=KEPT_MS,
        code_address_limit=limit_text(limits.code_address),
        conversion=limits.conversion,
        phones_checked=PROGRAMME.checks_phones,
    )
