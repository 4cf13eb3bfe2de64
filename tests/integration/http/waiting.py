"""What whoever waits does over HTTP, and the refresh that lets the line move."""

from typing import Any

import httpx

from gateway.domain.tickets import Ticket, read_ticket
from gateway.http.summaries import SummaryKeeper
from tests.integration.http.journey import PROGRAMME, Journey, form

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"
ROOM = "/v1/waiting-room"

LEASE_MS = 180_000
# A little more than a window of the line or of the front row is open.
WINDOW_MS, FRONT_ROW_MS = 22_000, 122_000

Form = dict[str, object]


class WaitingRoom:
    def __init__(self, journey: Journey) -> None:
        self.journey = journey

    @property
    def keeper(self) -> SummaryKeeper:
        return self.journey.services.intakes[PROGRAMME].summaries

    async def send(self, fields: Form, ticket: str | None = None) -> httpx.Response:
        headers = {} if ticket is None else {"Waiting-Ticket": ticket}
        return await self.journey.client.post(APPLICATIONS, json=fields, headers=headers)

    async def queue(self, fields: Form | None = None, ticket: str | None = None) -> dict[str, Any]:
        reply = await self.send(fields or form(), ticket)
        assert (reply.status_code, reply.json()["code"]) == (503, "full"), reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    async def ask(self, ticket: str | None) -> httpx.Response:
        headers = {} if ticket is None else {"Waiting-Ticket": ticket}
        return await self.journey.client.get(ROOM, headers=headers)

    async def poll(self, ticket: str) -> dict[str, Any]:
        reply = await self.ask(ticket)
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    async def pass_time(self, milliseconds: int) -> None:
        await self.journey.let_pass(milliseconds)
        await self.keeper.refresh()

    async def fill(self, limit: int = 1) -> None:
        await self.journey.set_limit(limit)
        for _ in range(limit):
            await self.journey.submit()

    async def missed(self) -> tuple[Form, str, Form, str]:
        """Somebody who missed the call, and the next, who is called: form and ticket of both."""
        await self.fill()
        late, next_one = form(), form()
        late_ticket, next_ticket = [(await self.queue(fields))["ticket"] for fields in (late, next_one)]
        await self.pass_time(LEASE_MS)
        await self.pass_time(WINDOW_MS)
        return late, late_ticket, next_one, next_ticket

    async def missed_once(self) -> tuple[Form, str]:
        """Somebody who came late and found no slot: form and ticket of the front row."""
        late, ticket, next_one, next_ticket = await self.missed()
        front = (await self.queue(late, ticket))["ticket"]
        assert (await self.send(next_one, next_ticket)).status_code == 202
        return late, front

    def read(self, text: str) -> Ticket:
        ticket = read_ticket(text, self.journey.services.ring.verify)
        assert ticket is not None
        return ticket
