from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateway.domain.case import State, parse_journal_number
from gateway.register import (
    contesting,
    copying,
    deciding,
    delivering,
    erasing,
    parking,
    reconciling,
    recording,
    registering,
)
from gateway.register.copying import Touched
from gateway.register.entries import Decision, DecisionOutcome, Entry, NewEntry, Step, Verdict
from gateway.register.loading import load_entries
from gateway.register.schema import applications
from gateway.register.store import Store, open_store

# Two transactions may collide once over a year's first number and once over the same application.
_REGISTER_TRIES: Final = 3

# Who was denied may apply again, though hardly this often.
_MOST_OF_A_PERSON: Final = 100


class Journal:
    """The journal of applications.

    Each method is one short transaction. Each may be called again with the same arguments after a crash that
    left its outcome unknown: the second call changes nothing. Methods that change an application raise
    UnknownApplication when it is not here. Whatever the database itself raises (SQLAlchemyError, OSError,
    TimeoutError) leaves the outcome unknown.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def close(self) -> None:
        await self._store.close()

    async def register(self, entry: NewEntry) -> str:
        """Give the application the next number of its programme and of its year in Almaty.

        One that is here already keeps its number, state and history; while it goes on, its fencing token is
        raised. Raises ValueError for a new entry that is not accepted, verifying or forwarding.
        """
        for _ in range(_REGISTER_TRIES - 1):
            try:
                return await self._register_once(entry)
            except IntegrityError:
                continue
        return await self._register_once(entry)

    async def adopt(self, entry: NewEntry, serial: int) -> None:
        """Register an application under a number that it had before the register was lost and restored.

        One that is here already stays as it is. Raises ValueError as `register` does.
        """
        await self._store.write(registering.adopt, entry, serial)

    async def pass_over(self, programme: str, year: int, serial: int) -> None:
        """Give no number up to this one any more: somebody has them, though nobody here knows who."""
        await self._store.write(registering.pass_over, programme, year, serial)

    async def touched_since(self, programme: str, since_ms: int) -> list[Touched]:
        """Return all applications with a step since then, in the order of their last steps."""
        return await self._store.read(copying.touched_since, programme, since_ms)

    async def check(self) -> None:
        """Ask for nothing that anybody has, to see that it answers: no application has an empty id."""
        await self.get("")

    async def get(self, application_id: str) -> Entry | None:
        query = select(applications).where(applications.c.application_id == application_id)
        return next(iter(await self._store.read(load_entries, query)), None)

    async def get_by_number(self, number: str) -> Entry | None:
        """Return None for text that is no number, too."""
        if parse_journal_number(number) is None:
            return None
        query = select(applications).where(applications.c.number == number)
        return next(iter(await self._store.read(load_entries, query)), None)

    async def of_person(self, programme: str, person: str) -> list[Entry]:
        """Return what this person has sent and confirmed, the newest first."""
        is_theirs = applications.c.programme == programme, applications.c.person == person
        query = select(applications).where(*is_theirs).order_by(applications.c.accepted_at_ms.desc())
        return await self._store.read(load_entries, query.limit(_MOST_OF_A_PERSON))

    async def record(self, application_id: str, states: Sequence[Step], fence: int) -> State:
        """Take the application through `states`; return where it is then.

        A state it has already been in since it was last parked is passed over. A decision that came before
        `forwarded` takes effect with it. Raises, and records nothing: StaleFence; WrongTransition for a step
        that the domain does not allow, and for parking, unparking and decisions: they have their own methods.
        """
        return await self._store.write(recording.record, application_id, states, fence)

    async def park(
        self, application_id: str, at_ms: int, fence: int, reason: str, retry_at_ms: int | None
    ) -> None:
        """Park the application; without `retry_at_ms` it waits for an operator.

        If it is parked already, a newer token brings its reason and time. Raises StaleFence, WrongTransition.
        """
        step = Step(State.PARKED, at_ms)
        await self._store.write(parking.park, application_id, step, fence, reason, retry_at_ms)

    async def unpark(self, application_id: str, at_ms: int, fence: int) -> None:
        """Take a parked application back to `accepted`; one that is not parked stays as it is.

        `fence` is at least that of the entry; from now on only newer tokens than the entry's count. Raises
        StaleFence.
        """
        await self._store.write(parking.unpark, application_id, at_ms, fence)

    async def count_parked(self, programme: str) -> int:
        return await self._store.read(parking.count_parked, programme)

    async def parked_due(self, programme: str, now_ms: int, limit: int) -> list[Entry]:
        """Return the parked whose time has come, the longest due first; never dead letters."""
        return await self._store.read(load_entries, parking.parked_due(programme, now_ms, limit))

    async def replay_dead_letters(self, programme: str, at_ms: int) -> int:
        """Let all dead letters be tried again from `at_ms` on; return how many."""
        return await self._store.write(parking.replay_dead_letters, programme, at_ms)

    async def retry(self, application_id: str, at_ms: int) -> bool:
        """Let a parked application be tried again from `at_ms` on; False: it is not parked."""
        return await self._store.write(parking.retry, application_id, at_ms)

    async def parked_for(self, programme: str, reason: str, limit: int) -> list[Entry]:
        """Return what is parked for this reason, the longest parked first."""
        return await self._store.read(load_entries, parking.parked_for(programme, reason, limit))

    async def contested_phones(self, programme: str, person: str, besides: str) -> list[str]:
        """Return the phones of a person's contested applications, without the one `besides`."""
        return await self._store.read(contesting.contested_phones, programme, person, besides)

    async def uphold(self, application_id: str, at_ms: int) -> bool:
        """Let a contested application go on from `at_ms`: the phone is theirs. False: it is not contested."""
        return await self._store.write(contesting.uphold, application_id, at_ms)

    async def refuse_contested(self, application_id: str, at_ms: int) -> bool:
        """Refuse a parked application that is in doubt; False: it is not, or somebody has it tried again."""
        return await self._store.write(contesting.refuse, application_id, at_ms)

    async def superseded(self, programme: str, limit: int) -> list[Entry]:
        """Return what is parked in doubt while another application of its person was forwarded."""
        return await self._store.read(load_entries, contesting.superseded(programme, limit))

    async def decide(
        self,
        application_id: str,
        number: str,
        decision: Verdict,
        decided_at_ms: int,
        received_at_ms: int,
        reason: str | None,
    ) -> DecisionOutcome:
        """Write down the first decision; with a number that is not the application's it is unknown."""
        verdict = Decision(decision, decided_at_ms, received_at_ms, reason)
        return await self._store.write(deciding.decide, application_id, number, verdict)

    async def undelivered(self, programme: str, limit: int, before_ms: int) -> list[Entry]:
        """Return the assigned, denied and refused that ended before and are not told yet, oldest first."""
        return await self._store.read(load_entries, delivering.undelivered(programme, limit, before_ms))

    async def mark_notified(self, application_id: str, at_ms: int) -> None:
        """Note when the applicant was told; the first time counts."""
        await self._store.write(delivering.mark_notified, application_id, at_ms)

    async def replace_receipt(self, application_id: str, receipt_hash: str) -> None:
        await self._store.write(delivering.replace_receipt, application_id, receipt_hash)

    async def erase_personal(self, programme: str, ended_before_ms: int, limit: int) -> int:
        """Erase what is sealed, and the phone's hash, of at most `limit` ended applications; count them."""
        return await self._store.write(erasing.erase_personal, programme, ended_before_ms, limit)

    async def states(self, programme: str) -> dict[State, int]:
        return await self._store.read(reconciling.count_states, programme)

    async def forwarded_ids(self, programme: str, after: str, limit: int) -> list[str]:
        """Return ids of the forwarded, decided or not, in order, from behind `after` (a last id, or "")."""
        return await self._store.read(reconciling.forwarded_ids, programme, after, limit)

    async def stuck(self, programme: str, before_ms: int, limit: int) -> list[Entry]:
        """Return what is in process with nothing new since `before_ms`, the oldest first."""
        return await self._store.read(load_entries, reconciling.stuck(programme, before_ms, limit))

    async def _register_once(self, entry: NewEntry) -> str:
        return await self._store.write(registering.register, entry)


def open_journal(dsn: str) -> Journal:
    """Open the journal; its tables must be there (`migrate`). Raises ValueError for a bad address."""
    return Journal(open_store(dsn))
