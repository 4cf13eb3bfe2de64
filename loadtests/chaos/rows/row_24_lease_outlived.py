"""Row 24: people come back when their lease is about to end, or has ended and others have the slot."""

import asyncio
from collections import Counter
from pathlib import Path

import msgspec

from gateway.inflight.admission import Admission
from gateway.inflight.confirmation import (
    ConfirmationRules,
    ConfirmOutcome,
    PhoneOutcome,
    confirm,
    give_phone,
)
from gateway.inflight.store import Store
from loadtests.bench.redis_applications import rules
from loadtests.bench.redis_in_flight import confirmation_rules, sealed_code
from loadtests.chaos.admitting import CODE, admitted, beat, let_in, newcomers, occupied
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.valkey import valkey

# A third each: renews in time; gives a phone and is late with the code; is late with the phone.
_THIRD = 340
_SLOTS = 3 * _THIRD
_LEASE_SECONDS = 2.0

_CONFIRMING = msgspec.structs.replace(confirmation_rules(), limit_seed=_SLOTS)
_RENEWED = msgspec.structs.replace(_CONFIRMING, lease_after_code_ms=60_000)
_SHORT = msgspec.structs.replace(_CONFIRMING, lease_after_code_ms=int(_LEASE_SECONDS * 1000))


async def run(folder: Path) -> Measured:
    asked = rules(_SLOTS, int(_LEASE_SECONDS * 1000))
    people, others = newcomers(0, _SLOTS), newcomers(_SLOTS, _SLOTS)
    renewing, slow, slower = people[:_THIRD], people[_THIRD : 2 * _THIRD], people[2 * _THIRD :]
    async with valkey(folder) as server:
        store = server.store
        await beat(store, _SLOTS, 0)
        first = admitted(await let_in(store, asked, people))
        phones = await _give(store, _RENEWED, renewing, 0) + await _give(store, _SHORT, slow, _THIRD)
        await beat(store, _SLOTS, 2 * _LEASE_SECONDS)
        taken = admitted(await let_in(store, rules(_SLOTS), others))
        late_phones = await _give(store, _RENEWED, slower, 2 * _THIRD)
        late_codes = await _confirm(store, slow, _THIRD)
        codes = await _confirm(store, renewing, 0)
        slots = occupied(server.aof)
    held = (
        (first, taken) == (_SLOTS, 2 * _THIRD)
        and phones == {PhoneOutcome.SENT: 2 * _THIRD}
        and late_phones == {PhoneOutcome.WRONG_STATE: _THIRD}
        and late_codes == {ConfirmOutcome.EXPIRED: _THIRD}
        and codes == {ConfirmOutcome.ACCEPTED: _THIRD}
        and slots.most <= _SLOTS
        and not slots.over
    )
    return Measured(
        verdict=Verdict.HELD if held else Verdict.BROKEN,
        says=f"Renewed in time: {codes[ConfirmOutcome.ACCEPTED]} of {_THIRD} accepted while {taken} others "
        f"came in for those who were late; late codes: {_told(late_codes)}, late phones: "
        f"{_told(late_phones)}; most ever live {slots.most} of {_SLOTS}.",
        acknowledged=first,
        lost=_THIRD - codes[ConfirmOutcome.ACCEPTED],
        doubled=slots.over,
    )


async def _give(
    store: Store, asked: ConfirmationRules, people: list[Admission], first: int
) -> Counter[PhoneOutcome]:
    answers = await asyncio.gather(
        *(
            give_phone(store, CODE, asked, (one.id, one.receipt_hash), sealed_code(one, n))
            for n, one in enumerate(people, first)
        )
    )
    return Counter(answer.outcome for answer in answers)


async def _confirm(store: Store, people: list[Admission], first: int) -> Counter[ConfirmOutcome]:
    answers = await asyncio.gather(
        *(
            confirm(store, CODE, _CONFIRMING, (one.id, one.receipt_hash), sealed_code(one, n).code_hash)
            for n, one in enumerate(people, first)
        )
    )
    return Counter(answer.outcome for answer in answers)


def _told(outcomes: Counter[PhoneOutcome] | Counter[ConfirmOutcome]) -> str:
    return ", ".join(f"{times} {outcome.name.lower()}" for outcome, times in outcomes.items())


ROW = Row(
    number=24,
    title="a holder outlives the lease",
    expected="renewed before its end, refused after it; never more live than slots",
    broken_once="With a slot that is not extended by the code (`phone.lua`) 1 020 others came in instead "
    "of 680, and 0 of 340 were accepted.",
    run=run,
    cheap=True,
)
