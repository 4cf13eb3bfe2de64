"""One case at a time, for those who call: found, opened for a reason, tried again."""

import contextlib

import msgspec
from msgspec import Struct

from gateway.domain.application import Application
from gateway.domain.case import LIVE, State, programme_of
from gateway.domain.identifiers import Iin
from gateway.http.wire import StateAt, rfc3339
from gateway.inflight import casework as inflight
from gateway.inflight.progress import decided
from gateway.inflight.status import Sight, look
from gateway.inflight.store import StoreUnavailable
from gateway.operators.desk import Actor, Desk, now_ms
from gateway.operators.noting import carry_out, line_of
from gateway.register.entries import CONTESTED, DEAD_LETTER, Entry
from gateway.register.journal import Journal
from gateway.sealing import KeyRing, SealError

_UNKNOWN = "no case has this id or journal number (42500-2026-0000001)"

_APPLICATIONS = msgspec.msgpack.Decoder(Application)


class CaseError(Exception):
    """Says why not, with nothing personal."""


class Case(Struct, frozen=True, kw_only=True):
    """Without anything personal. `in_flight`: whether it is in Redis; None while Redis is away."""

    id: str
    programme: str
    number: str | None
    state: State
    category: str | None = None
    in_flight: bool | None
    accepted_at: str | None
    history: tuple[StateAt, ...]
    parks: int = 0
    park_reason: str | None = None
    retry_at: str | None = None
    ended_at: str | None = None
    notified_at: str | None = None
    erased_at: str | None = None


class Personal(Struct, frozen=True):
    full_name: str
    iin: str
    iban: str
    employer: str | None
    email: str | None
    language: str
    phone: str | None
    decision_reason: str | None

    def __repr__(self) -> str:
        return "Personal()"


class Casework:
    """Raises CaseError, UnknownProgramme, InvalidChange, StoreUnavailable and what the database raises."""

    def __init__(self, desk: Desk, journal: Journal) -> None:
        self._desk = desk
        self._journal = journal

    async def find(self, reference: str) -> Case:
        """By id or journal number; whichever of Redis and the register knows it."""
        entry = await self._journal.get_by_number(reference)
        application_id = entry.application_id if entry else reference
        programme = programme_of(application_id)
        if programme is None:
            raise CaseError(_UNKNOWN)
        entry = entry or await self._journal.get(application_id)
        try:
            sight = await look(self._desk.store, self._desk.programme(programme).code, application_id)
            in_flight = sight is not None and sight.state in LIVE
        except StoreUnavailable:
            if entry is None:
                raise
            sight, in_flight = None, None
        # In process, Redis has the truth; before and after, the register does.
        truth = sight if sight and (in_flight or entry is None) else entry
        if truth is None:
            raise CaseError(_UNKNOWN)
        return _case(application_id, truth, entry, in_flight=in_flight)

    async def find_by_iin(
        self, actor: Actor, reason: str, keyring: KeyRing, iin: Iin, programme: str
    ) -> list[Case]:
        """All of a person's, the newest first; who looked and why is written down before anything is told."""
        person = keyring.person(self._desk.programme(programme).code, iin)
        asked = line_of(actor, "find_person", reason, programme=programme, subject=person)

        async def find() -> list[Case]:
            entries = await self._journal.of_person(programme, person)
            ids = await inflight.cases_of(self._desk.store, programme, person)
            registered = [entry.application_id for entry in entries]
            fresh = [application_id for application_id in ids if application_id not in registered]
            return [await self.find(application_id) for application_id in (*fresh, *registered)]

        return await carry_out(self._desk.trail, asked, find, lambda found: {"found": len(found)})

    async def open(self, actor: Actor, reason: str, keyring: KeyRing, case: Case) -> Personal:
        """Unseal what was sent; who did and why is written down before it is told."""
        asked = line_of(actor, "open_case", reason, programme=case.programme, subject=case.id)
        return await carry_out(self._desk.trail, asked, lambda: self._unseal(keyring, case))

    async def retry(self, actor: Actor, reason: str, case: Case) -> None:
        """Let a parked case be tried again with the next sweep, through a free slot."""
        asked = line_of(actor, "retry_case", reason, programme=case.programme, subject=case.id)

        async def retry() -> None:
            if not await self._journal.retry(case.id, now_ms()):
                raise CaseError(f"{case.id} is {case.state}: only a parked case can be tried again")

        await carry_out(self._desk.trail, asked, retry)

    async def uphold(self, actor: Actor, reason: str, case: Case) -> None:
        """Let a contested case go on with the next sweep: its phone is the person's all the same."""
        asked = line_of(actor, "uphold_case", reason, programme=case.programme, subject=case.id)

        async def uphold() -> None:
            if not (_is_out(case) and await self._journal.uphold(case.id, now_ms())):
                raise CaseError(f"{case.id} is not contested, or no longer")

        await carry_out(self._desk.trail, asked, uphold)

    async def refuse(self, actor: Actor, reason: str, case: Case) -> None:
        """Refuse a contested case; its applicant is told, and may apply again."""
        asked = line_of(actor, "refuse_case", reason, programme=case.programme, subject=case.id)

        async def refuse() -> None:
            entry = await self._journal.get(case.id)
            if not (is_contested(case) and _is_out(case) and entry):
                raise CaseError(f"{case.id} is not contested, or no longer")
            if not await self._journal.refuse_contested(case.id, now_ms()):
                raise CaseError(f"{case.id} is not contested any more")
            with contextlib.suppress(StoreUnavailable):
                # While Redis is away it is refused all the same; the workers' sweep tells the applicant.
                await decided(self._desk.store, case.programme, case.id, entry.person, denied=True)

        await carry_out(self._desk.trail, asked, refuse)

    async def dead_letters(self, programme: str, limit: int) -> list[Case]:
        return await self._parked_for(programme, DEAD_LETTER, limit)

    async def contested(self, programme: str, limit: int) -> list[Case]:
        """Those whose phone is not the person's, the longest parked first."""
        return await self._parked_for(programme, CONTESTED, limit)

    async def _parked_for(self, programme: str, reason: str, limit: int) -> list[Case]:
        code = self._desk.programme(programme).code
        entries = await self._journal.parked_for(code, reason, limit)
        return [_case(entry.application_id, entry, entry, in_flight=False) for entry in entries]

    async def replay(self, actor: Actor, reason: str, programme: str) -> int:
        """Let all dead letters be tried again; return how many."""
        code = self._desk.programme(programme).code
        asked = line_of(actor, "replay_dead_letters", reason, programme=code)
        return await carry_out(
            self._desk.trail,
            asked,
            lambda: self._journal.replay_dead_letters(code, now_ms()),
            lambda count: {"replayed": count},
        )

    async def _unseal(self, keyring: KeyRing, case: Case) -> Personal:
        entry = await self._journal.get(case.id)
        if entry is None:
            body, phone = await inflight.sealed_of(self._desk.store, case.programme, case.id)
        else:
            body, phone = entry.sealed, entry.sealed_phone
        if body is None:
            raise CaseError(f"of {case.id} nothing personal is kept any more")
        try:
            sent = _APPLICATIONS.decode(keyring.unseal(body, case.id))
            number = keyring.unseal(phone, case.id).decode() if phone else None
        except (SealError, msgspec.DecodeError):
            raise CaseError(f"{case.id} does not open with the keys of this machine") from None
        decided = entry.decision.reason if entry and entry.decision else None
        fields = {name: getattr(sent, name) for name in Personal.__struct_fields__ if hasattr(sent, name)}
        return Personal(**fields, phone=number, decision_reason=decided)


def is_contested(case: Case) -> bool:
    return case.state is State.PARKED and case.park_reason == CONTESTED


def _is_out(case: Case) -> bool:
    """Tell whether Redis has let go of it: parked in the register alone, it may be about to be."""
    return case.in_flight is False


def is_dead_letter(case: Case) -> bool:
    return case.state is State.PARKED and case.park_reason == DEAD_LETTER


def _case(application_id: str, truth: Sight | Entry, entry: Entry | None, *, in_flight: bool | None) -> Case:
    seen = Case(
        id=application_id,
        programme=programme_of(application_id) or "",
        number=truth.number,
        state=truth.state,
        in_flight=in_flight,
        accepted_at=_moment(truth.accepted_at_ms),
        history=tuple(StateAt(step.state, rfc3339(step.at_ms)) for step in truth.history),
    )
    if entry is None:
        return seen
    is_parked = seen.state is State.PARKED
    return msgspec.structs.replace(
        seen,
        number=entry.number,
        category=entry.category,
        parks=entry.parks,
        park_reason=entry.park_reason if is_parked else None,
        retry_at=_moment(entry.retry_at_ms) if is_parked else None,
        ended_at=_moment(entry.ended_at_ms),
        notified_at=_moment(entry.notified_at_ms),
        erased_at=_moment(entry.erased_at_ms),
    )


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
