"""Whatever the workers forgot: cases without a job, leases that ran out, parked cases, notices not sent."""

import contextlib

import structlog

from gateway.domain.case import State
from gateway.inflight.progress import (
    ParkedCase,
    ReadmitOutcome,
    decided,
    readmit,
    requeue,
    stale_cases,
    sweep,
)
from gateway.inflight.records import Step as Seen
from gateway.inflight.status import known_cases
from gateway.register.entries import (
    ASKED_AGAIN,
    CONTESTED,
    DEAD_LETTER,
    OWNER_UNKNOWN,
    UPHELD,
    Entry,
    WrongTransition,
)
from workers.steps.metrics import Found, recovered
from workers.tools import Tools, now_ms

log = structlog.get_logger()

# One read is bounded, and so is what one sweep does of a kind; what is left comes with the next.
BATCH = 32
BATCHES = 50

# A job may be on its way from one queue read to the next; only what nobody touched for longer is looked at.
UNTOUCHED_MS = 5_000

# Longer than any step takes; a case that the journal thinks is in process should be in Redis all the while.
STUCK_MS = 60_000

# Cases that merely wait for a system look stuck as well, so that many are looked at to find the few missing.
MOST_STUCK = 1_000

# A notice has its own job from the moment of the decision; this is for those whose job was lost.
UNTOLD_MS = 30_000

DAY_MS = 86_400_000


async def recover(tools: Tools) -> dict[str, int]:
    """One sweep over what is forgotten day by day; how much of each was found."""
    found = {
        Found.LAPSED.value: await sweep(tools.store, tools.programme.code, tools.kept_ms),
        Found.REQUEUED.value: await requeue_lost_jobs(tools),
        # Before the parked come back: what is superseded should not.
        Found.SUPERSEDED.value: await close_superseded(tools),
        Found.UNPARKED.value: await unpark_due(tools),
        Found.NOTICES.value: await queue_lost_notices(tools),
    }
    for kind, count in found.items():
        recovered(tools.programme.code, Found(kind)).add(count)
    if any(found.values()):
        log.info("recovered", **found)
    return found


async def requeue_lost_jobs(tools: Tools) -> int:
    programme, count = tools.programme.code, 0
    for _ in range(BATCHES):
        # Whatever is looked at counts as touched, so that each read goes on where the last one ended.
        ids = await stale_cases(tools.store, programme, UNTOUCHED_MS, BATCH)
        for one in ids:
            count += await requeue(tools.store, programme, one)
        if len(ids) < BATCH:
            break
    return count


async def close_superseded(tools: Tools) -> int:
    """Refuse what is parked in doubt once another application of its person was forwarded.

    One person gets one payment, and the one that was forwarded came from a phone of theirs.
    """
    programme = tools.programme.code
    count = 0
    for entry in await tools.journal.superseded(programme, BATCH):
        if await tools.journal.refuse_contested(entry.application_id, now_ms()):
            await decided(tools.store, programme, entry.application_id, entry.person, denied=True)
            count += 1
    return count


async def unpark_due(tools: Tools) -> int:
    """Let parked cases in again as far as there are slots."""
    count = 0
    for _ in range(BATCHES):
        entries = await tools.journal.parked_due(tools.programme.code, now_ms(), BATCH)
        readmitted = await _readmit_all(tools, entries)
        count += readmitted
        if readmitted < BATCH:
            break
    return count


async def restore_missing(tools: Tools) -> int:
    """Bring back cases that the journal has in process and Redis has not: it has lost data."""
    programme = tools.programme.code
    stuck = await tools.journal.stuck(programme, now_ms() - STUCK_MS, MOST_STUCK)
    known = await known_cases(tools.store, programme, [one.application_id for one in stuck])
    missing = [one for one in stuck if one.application_id not in known]
    restored = await _readmit_all(tools, missing)
    recovered(programme, Found.RESTORED).add(restored)
    if missing:
        log.error("cases_were_missing", missing=len(missing), restored=restored)
    return restored


async def replay_dead_letters(tools: Tools) -> int:
    """Let every dead letter be tried again: somebody has put right what they died of."""
    return await tools.journal.replay_dead_letters(tools.programme.code, now_ms())


async def _readmit_all(tools: Tools, entries: list[Entry]) -> int:
    count = 0
    for entry in entries:
        if entry.sealed is None or entry.sealed_phone is None or entry.phone_hash is None:
            continue
        outcome, at_ms = await readmit(
            tools.store,
            tools.programme.code,
            _parked(entry, entry.sealed, entry.sealed_phone),
            tools.limit_seed,
        )
        if outcome is ReadmitOutcome.FULL:
            break
        if outcome is ReadmitOutcome.REPLACED:
            await _stay_out(tools, entry)
            continue
        if outcome is ReadmitOutcome.ENDED:
            continue
        await tools.boundary("readmitted")
        if entry.state is State.PARKED:
            await tools.journal.unpark(entry.application_id, at_ms, entry.fence)
        count += 1
    return count


async def _stay_out(tools: Tools, entry: Entry) -> None:
    """Leave a case parked: another of its person is in its place."""
    pause_ms = tools.programme.terms.unknown_retry_seconds * 1000
    reason, retry_at_ms = DEAD_LETTER, None
    if entry.park_reason == OWNER_UNKNOWN:
        # If the other is a stranger's, the base will say so; if not, this one is superseded.
        reason, retry_at_ms = OWNER_UNKNOWN, now_ms() + pause_ms
    elif entry.park_reason in {UPHELD, ASKED_AGAIN}:
        reason = CONTESTED
    else:
        # Redis lost data, and the person has applied anew: which of the two counts, an official says.
        log.error("readmit_replaced", application_id=entry.application_id)
    with contextlib.suppress(WrongTransition):
        # It may have been refused a moment ago.
        await tools.journal.park(entry.application_id, now_ms(), entry.fence + 1, reason, retry_at_ms)


def _parked(entry: Entry, sealed: bytes, sealed_phone: bytes) -> ParkedCase:
    return ParkedCase(
        id=entry.application_id,
        person=entry.person,
        receipt_hash=entry.receipt_hash,
        body=sealed,
        sealed_phone=sealed_phone,
        phone_hash=entry.phone_hash or "",
        number=entry.number,
        history=tuple(Seen(step.state, step.at_ms) for step in entry.history),
        accepted_at_ms=entry.accepted_at_ms,
        upheld=entry.upheld_at_ms is not None,
    )


async def queue_lost_notices(tools: Tools) -> int:
    programme = tools.programme.code
    untold = await tools.journal.undelivered(programme, BATCH, now_ms() - UNTOLD_MS)
    for entry in untold:
        denied = entry.state is not State.ASSIGNED
        await decided(tools.store, programme, entry.application_id, entry.person, denied=denied)
    return len(untold)


async def erase(tools: Tools, batch: int = 500) -> int:
    """Erase the personal data of applications that ended longer ago than the programme keeps them."""
    before_ms = now_ms() - tools.programme.terms.erase_after_days * DAY_MS
    erased = 0
    while count := await tools.journal.erase_personal(tools.programme.code, before_ms, batch):
        erased += count
    return erased
