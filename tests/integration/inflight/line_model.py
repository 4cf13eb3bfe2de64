"""The waiting room as plainly as it can be said: an object a ticket, counted by looking at all of them."""

import math
from dataclasses import dataclass, field

from gateway.domain.controls import Mode

SHOW_PRIOR, SHOW_THRESHOLD, SHOW_FLOOR = 50, 0.5, 0.1


@dataclass(eq=False)
class Ticket:
    who: tuple[str, str]
    lane: int
    number: int
    again: bool
    called: bool = False
    closed: bool = False
    end: float = math.inf
    spent: bool = False
    exchanged: "Ticket | None" = None


@dataclass
class Line:
    lanes: tuple[list[Ticket], list[Ticket]] = field(default_factory=lambda: ([], []))
    places: dict[tuple[str, str], Ticket] = field(default_factory=dict)
    came: int = 0
    called: int = 0
    mode: Mode = Mode.OPEN
    hold_seconds: tuple[int, int] = (21, 121)

    def turn(self, mode: Mode, now: float) -> None:
        """Those who were called before a closed programme opens have a whole window again."""
        if self.mode is Mode.CLOSED is not mode:
            for lane, tickets in enumerate(self.lanes):
                for ticket in [t for t in tickets if t.called and not t.closed]:
                    ticket.end = now + self.hold_seconds[lane]
        self.mode = mode

    def mint(self, who: tuple[str, str], lane: int, *, again: bool) -> Ticket:
        ticket = Ticket(who, lane, len(self.lanes[lane]) + 1, again)
        self.lanes[lane].append(ticket)
        return ticket

    def waiting(self, lane: int) -> int:
        return sum(not ticket.called for ticket in self.lanes[lane])

    def reserved(self, lane: int) -> int:
        return sum(t.called and not t.closed and not t.spent for t in self.lanes[lane])

    def is_moving(self) -> bool:
        return self.waiting(0) + self.waiting(1) > 0

    def figures(self) -> list[int]:
        """Minted, called and floor of both lanes, as the door has them."""
        found = []
        for lane in self.lanes:
            closed = [ticket.number for ticket in lane if ticket.closed]
            found += [len(lane), sum(ticket.called for ticket in lane), max(closed, default=0) + 1]
        return found

    def keep_house(self, now: float, live: int, limit: int) -> None:
        if self.mode is not Mode.CLOSED:
            self.close_windows(now)
        if self.mode.calls:
            self.call_next(now, live, limit)

    def close_windows(self, now: float) -> None:
        for lane, tickets in enumerate(self.lanes):
            ending = [t for t in tickets if t.called and not t.closed and t.end <= now]
            for ticket in ending:
                ticket.closed = True
            if lane == 0:
                self.came += sum(ticket.spent for ticket in ending)
                self.called += len(ending)

    def call_next(self, now: float, live: int, limit: int) -> None:
        show = (self.came + SHOW_PRIOR) / (self.called + SHOW_PRIOR)
        over = show < SHOW_THRESHOLD
        aside = self.reserved(0)
        if over and live + self.reserved(0) + self.reserved(1) > limit:
            aside = 0
        self.call(1, limit - live - self.reserved(1) - aside, now)
        if self.waiting(1):
            return
        free = limit - live - self.reserved(1)
        wanted = math.ceil(free / max(show, SHOW_FLOOR)) if over and free > 0 else free
        self.call(0, wanted - self.reserved(0), now)

    def call(self, lane: int, count: int, now: float) -> None:
        # No window ends before one that was opened earlier, though windows be shorter now.
        ends = [t.end for t in self.lanes[lane] if t.called and not t.closed]
        for ticket in [t for t in self.lanes[lane] if not t.called][: max(count, 0)]:
            ticket.called, ticket.end = True, max(now + self.hold_seconds[lane], *ends, 0)

    def exchange(self, ticket: Ticket, *, again: bool) -> "str | Ticket":
        if not self.mode.gives_tickets:
            return "closed"
        ticket.spent = True
        ticket.exchanged = self.mint(ticket.who, 1, again=again)
        return ticket.exchanged

    def claim(  # noqa: PLR0911 - One line for each thing that a ticket can be worth.
        self, ticket: Ticket, live: int, limit: int, *, takes_nothing: bool
    ) -> "str | Ticket":
        """What it is worth: "slot", "early", "missed", "invalid", "closed", or the ticket to wait with."""
        if not ticket.called:
            return "early"
        if ticket.spent:
            return ticket.exchanged or ("slot" if takes_nothing else "invalid")
        if self.mode is Mode.CLOSED:
            return "closed"
        front = self.reserved(1) if ticket.lane == 0 else 0
        room = takes_nothing or live + front < limit
        if not ticket.closed:
            if not room:
                return self.exchange(ticket, again=True)
            ticket.spent = True
            return "slot"
        if ticket.lane == 1 and not ticket.again:
            return "missed"
        if room and not self.waiting(1) and live + self.reserved(0) + front < limit:
            ticket.spent = True
            return "slot"
        return self.exchange(ticket, again=False)
