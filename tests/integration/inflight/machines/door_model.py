"""The door as plainly as it can be said: its line is that of the waiting room's model."""

from dataclasses import dataclass, field

from gateway.domain.case import State
from gateway.domain.controls import Mode
from gateway.inflight.admission import (
    Admission,
    Admitted,
    Closed,
    Decision,
    Full,
    IdempotencyConflict,
    Repeated,
    TicketInvalid,
    TicketMissed,
    TicketNotCalled,
    TooManyCandidates,
)
from gateway.inflight.confirmation import ConfirmOutcome
from gateway.inflight.progress import TakenCase
from tests.integration.inflight.line_model import Line, Ticket

LEASE_SECONDS, CODE_SECONDS, CANDIDATES, TRIES = 180, 600, 5, 5
IN_PROCESS = (State.ACCEPTED, State.VERIFYING, State.FORWARDING)


@dataclass
class Case:
    """What the model knows of one application; `end` is on the model's clock."""

    one: Admission
    person: str
    iban: str
    end: float
    state: State = State.AWAITING_PHONE
    code: str = ""
    wrong: int = 0
    proven: bool = False
    taken: list[TakenCase] = field(default_factory=list)


class DoorModel:
    """Who is in, who has won, and what the door must answer to each."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.limit = 2
        self.lease_seconds, self.code_seconds = LEASE_SECONDS, CODE_SECONDS
        self.slots: dict[str, float] = {}
        self.winners: dict[str, Case] = {}
        self.by_key: dict[str, Case] = {}
        self.all: list[Case] = []
        self.accepted = 0
        self.line = Line()
        self.credit = 0

    def live(self) -> int:
        return sum(end > self.now for end in self.slots.values())

    def alive(self, case: Case) -> bool:
        return case.state is State.AWAITING_PHONE and case.end > self.now

    def candidates(self, person: str) -> list[Case]:
        return [case for case in self.all if case.person == person and self.alive(case)]

    def limit_is_kept(self, before: int) -> None:
        assert self.live() <= max(self.limit, before)

    def expected(
        self, person: str, iban: str, key: str, ticket: Ticket | None
    ) -> tuple[type[Decision], Ticket | None]:
        """What admission must answer, and the ticket to wait with; the model's line moves as it must."""
        self.line.keep_house(self.now, self.live(), self.limit)
        if key in self.by_key:
            first = self.by_key[key]
            is_same = (first.person, first.iban) == (person, iban)
            return (Repeated if is_same else IdempotencyConflict), None
        known = self.candidates(person)
        if len(known) >= CANDIDATES:
            return TooManyCandidates, None
        if person in self.winners:
            known.append(self.winners[person])
        takes_nothing = self.slots.get(person, -1) > self.now or person in self.winners
        place = ticket or self.line.places.get((person, iban))
        if place is not None:
            worth = self.line.claim(place, self.live(), self.limit, takes_nothing=takes_nothing)
            answer = self.after_claim((person, iban), worth, place, ticket)
            if answer is not None:
                return answer
        spoken_for = self.line.reserved(0) + self.line.reserved(1)
        free = (
            self.line.mode is Mode.OPEN
            and not self.line.is_moving()
            and self.live() + spoken_for < self.limit
        )
        if free or (takes_nothing and any(case.iban == iban for case in known)):
            return Admitted, None
        if not self.line.mode.gives_tickets:
            return Closed, None
        new = self.line.mint((person, iban), 0, again=False)
        self.line.places[person, iban] = new
        return Full, new

    def after_claim(
        self, who: tuple[str, str], worth: str | Ticket, place: Ticket, ticket: Ticket | None
    ) -> tuple[type[Decision], Ticket | None] | None:
        if not self.line.mode.gives_tickets and (isinstance(worth, Ticket) or worth == "early"):
            return Closed, None
        if isinstance(worth, Ticket):
            self.line.places[who] = worth
            return Full, worth
        if worth == "closed":
            return Closed, None
        if worth == "early":
            if ticket is None:
                self.line.places[who] = place
            return (TicketNotCalled, None) if ticket else (Full, place)
        if self.line.places.get(who) is place:
            del self.line.places[who]
        if worth == "slot":
            return Admitted, None
        # Whoever came without the ticket is a newcomer when the place found is worth nothing any more.
        refusal: type[Decision] = TicketInvalid if worth == "invalid" else TicketMissed
        return (refusal, None) if ticket else None

    def after_code(  # noqa: PLR0911 - One line for each thing that a code can meet.
        self, case: Case, *, right: bool
    ) -> ConfirmOutcome:
        if case.state is not State.AWAITING_PHONE:
            return ConfirmOutcome.ACCEPTED if right else ConfirmOutcome.WRONG_STATE
        if case.end <= self.now:
            return ConfirmOutcome.EXPIRED
        if case.wrong >= TRIES:
            return ConfirmOutcome.LOCKED
        if not right:
            return ConfirmOutcome.WRONG_CODE
        if case.person in self.winners:
            winner = self.winners[case.person]
            # No two cases of the model have the same phone.
            in_doubt = winner.state in {State.ACCEPTED, State.VERIFYING} and not winner.proven
            return ConfirmOutcome.IN_DOUBT if in_doubt else ConfirmOutcome.ALREADY_APPLIED
        if self.slots.get(case.person, -1) <= self.now and self.live() >= self.limit:
            return ConfirmOutcome.FULL
        return ConfirmOutcome.ACCEPTED

    def freed(self, case: Case) -> None:
        """Forwarded, or parked with its own phone, it stays the person's one; else another may be."""
        del self.slots[case.person]
        if case.state is State.REFUSED or (case.state is State.PARKED and not case.proven):
            del self.winners[case.person]
            ends = [one.end for one in self.candidates(case.person)]
            if ends:
                self.slots[case.person] = max(ends)
        if self.line.is_moving():
            self.credit = min(self.credit + 1, 100)
            self.line.keep_house(self.now, self.live(), self.limit)
