"""Made-up applications for the journal."""

from gateway.domain.case import State, new_application_id
from gateway.register.entries import Entry, NewEntry, Step
from gateway.register.journal import Journal

MIDSUMMER_2026_MS = 1_782_000_000_000
ACCEPTED = (Step(State.AWAITING_PHONE, 1), Step(State.ACCEPTED, 2))
FORWARDED = (Step(State.VERIFYING, 3), Step(State.FORWARDING, 4), Step(State.FORWARDED, 5))


def new_entry(programme: str, *, accepted_at_ms: int = MIDSUMMER_2026_MS, fence: int = 1) -> NewEntry:
    return NewEntry(
        application_id=new_application_id(programme),
        category="entrepreneur",
        person="5e" * 16,
        phone_hash="7a" * 16,
        receipt_hash="ab" * 32,
        sealed=b"\x01sealed application",
        sealed_phone=b"\x01sealed phone",
        record_version=1,
        accepted_at_ms=accepted_at_ms,
        fence=fence,
        history=ACCEPTED,
    )


async def register_one(journal: Journal, programme: str, *states: Step) -> Entry:
    """Register an application and take it through `states`."""
    entry = new_entry(programme)
    await journal.register(entry)
    await journal.record(entry.application_id, states, 1)
    return await entry_of(journal, entry.application_id)


async def entry_of(journal: Journal, application_id: str) -> Entry:
    entry = await journal.get(application_id)
    assert entry is not None
    return entry
