"""How somebody who was let in is accepted and served: phone, code, and a worker's time."""

from gateway.domain.case import State
from gateway.http.refusals import WHEN_FULL, ProblemCode, after_ms
from gateway.inflight.confirmation import (
    ConfirmOutcome,
    PhoneAnswer,
    PhoneOutcome,
    SealedCode,
    confirm,
    give_phone,
)
from gateway.inflight.progress import finish, take
from gateway.inflight.records import KEPT_MS
from gateway.operators.rehearsal.entering import RECEIPT_HASH, SEALED
from gateway.operators.rehearsal.recording import Arrival, Reached
from gateway.operators.rehearsal.stage import Over, Stage, pause

_NOTHING_TO_CONFIRM = frozenset({PhoneOutcome.NOT_FOUND, PhoneOutcome.WRONG_STATE})
_TOO_LATE = frozenset({ConfirmOutcome.NOT_FOUND, ConfirmOutcome.WRONG_STATE, ConfirmOutcome.EXPIRED})

# Who types the right code hears nothing else but these.
_REFUSED = {
    ConfirmOutcome.ALREADY_APPLIED: ProblemCode.ALREADY_APPLIED,
    ConfirmOutcome.PHONE_SPENT: ProblemCode.INVALID_APPLICATION,
}


async def confirm_phone(stage: Stage, arrival: Arrival, application_id: str) -> bool:
    """Tell whether the application was accepted; False when it lapsed before that. Raises Over."""
    if arrival.reached is Reached.SLOT:
        raise Over
    await pause(arrival.phone_ms)
    newest = 0
    for ask in range(arrival.codes):
        while (answer := await _ask_for_code(stage, arrival, application_id, ask)).outcome:
            if answer.outcome in _NOTHING_TO_CONFIRM:
                return False
            stage.tally.refusals[ProblemCode.RATE_LIMITED] += 1
            if ask:
                break  # There is a code already.
            await stage.come_back(after_ms(answer.figure))
        else:
            stage.tally.codes += 1
            newest = ask
        if arrival.reached is Reached.PHONE:
            raise Over
        await pause((arrival.code_ms or 0) // arrival.codes)
    return await _type_code(stage, application_id, newest)


async def be_served(stage: Stage, arrival: Arrival, application_id: str) -> None:
    """Keep the slot for as long as the workers had the case; its states meanwhile touch nothing here."""
    taken = await take(stage.store, stage.programme, application_id)
    await pause(arrival.service_ms)
    if taken:
        state = State.REFUSED if arrival.is_refused else State.FORWARDED
        await finish(stage.store, stage.programme, application_id, taken.fence, state, KEPT_MS)


async def _ask_for_code(stage: Stage, arrival: Arrival, application_id: str, ask: int) -> PhoneAnswer:
    phone = f"{arrival.person:032x}"
    code = SealedCode(
        phone_hash=phone,
        block_hash=phone,
        sealed_phone=SEALED,
        code_hash=f"{ask}",
        sealed_message=SEALED,
        # Of a recorded day nobody knows any more who came from where.
        address_hash=phone,
    )
    return await give_phone(stage.store, stage.programme, stage.rules, (application_id, RECEIPT_HASH), code)


async def _type_code(stage: Stage, application_id: str, newest: int) -> bool:
    while True:
        claim = application_id, RECEIPT_HASH
        answer = await confirm(stage.store, stage.programme, stage.rules, claim, f"{newest}")
        if answer.outcome is ConfirmOutcome.ACCEPTED:
            stage.tally.accepted += 1
            return True
        if answer.outcome in _TOO_LATE:
            return False
        if answer.outcome is not ConfirmOutcome.FULL:
            stage.tally.refusals[_REFUSED[answer.outcome]] += 1
            raise Over
        stage.tally.refusals[ProblemCode.FULL] += 1
        await stage.come_back(WHEN_FULL)
