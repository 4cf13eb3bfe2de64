import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx
import msgspec

from config.settings import CONFIG_DIR
from gateway.domain.case import State, programme_of
from gateway.domain.controls import Value
from gateway.domain.identifiers import FIRST_WEIGHTS, SECOND_WEIGHTS
from gateway.domain.programme import load_programmes
from gateway.http.routes import Application
from gateway.http.services import Services
from gateway.inflight.progress import TakenCase, advance, decided, finish, prove, take
from gateway.inflight.status import probe
from gateway.inflight.steering import change_controls
from gateway.inflight.store import StoreUnavailable
from gateway.register.entries import NewEntry, Step

PROGRAMME = "42500"
FILE = load_programmes(CONFIG_DIR / "programmes")[PROGRAMME]
LANGUAGES = ("kk", "ru", "en")

_BIRTHDAY = date(1990, 1, 1)
_serials = count(1)


def new_iin() -> str:
    """Another person each time, fewer than ten thousand to a birthday."""
    while True:
        days, serial = divmod(next(_serials), 10_000)
        digits = [int(digit) for digit in f"{_BIRTHDAY + timedelta(days):%y%m%d}3{serial:04}"]
        for weights in (FIRST_WEIGHTS, SECOND_WEIGHTS):
            remainder = sum(map(int.__mul__, weights, digits)) % 11
            if remainder < 10:
                return "".join(map(str, [*digits, remainder]))


def new_iban() -> str:
    account = f"125{next(_serials):013}"
    return f"KZ{98 - int(f'{account}203500') % 97:02}{account}"


def new_phone() -> str:
    return f"+7701{next(_serials):07}"


def form(**changes: object) -> dict[str, object]:
    """Fill in the form as a new person would; a change to `...` leaves the field out."""
    fields: dict[str, object] = {
        "category": "entrepreneur",
        "iin": new_iin(),
        "full_name": "Айгүл Сапарова",
        "iban": new_iban(),
        "email": "aigul@example.kz",
        "language": "kk",
        **changes,
    }
    return {field: value for field, value in fields.items() if value is not ...}


class Submitted(msgspec.Struct, frozen=True):
    id: str
    receipt: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.receipt}"}


class Journey:
    """A client of the real application, and a way to what else happens to a case: SMS and next states."""

    def __init__(self, client: httpx.AsyncClient, services: Services) -> None:
        self.client = client
        self.services = services
        # redis-py types its methods for both kinds of client at once; here only the answers matter.
        self.redis: Any = services.store.redis

    async def submit(self, **changes: object) -> Submitted:
        reply = await self.client.post(f"/v1/programmes/{PROGRAMME}/applications", json=form(**changes))
        assert reply.status_code == 202, reply.text
        return Submitted(reply.json()["id"], reply.json()["receipt"])

    async def set_limit(self, limit: int) -> None:
        """As an operator would."""
        await self.redis.hset("{42500}:door", "limit", str(limit))

    async def steer(self, **changes: Value | None) -> None:
        """As an operator would, and seen by the gateway's next refresh."""
        await change_controls(self.services.store, FILE, changes, {})
        await self.services.intakes[PROGRAMME].summaries.refresh()

    async def redis_is_back(self) -> None:
        """Wait until the gateway has noticed."""
        while True:
            try:
                await probe(self.services.store)
            except StoreUnavailable:
                await asyncio.sleep(0.02)
            else:
                return

    async def let_pass(self, milliseconds: int) -> None:
        """Move the clocks on which leases and codes, and rates, run."""
        for clock in ("svc", "run"):
            await self.redis.hincrby("{42500}:door", clock, milliseconds)

    async def give_phone(self, application: Submitted, phone: str, **headers: str) -> httpx.Response:
        return await self.client.post(
            f"/v1/applications/{application.id}/phone",
            json={"phone": phone},
            headers=application.bearer | headers,
        )

    async def message(self, application: Submitted) -> tuple[str, str]:
        """Return phone and text of the SMS that waits to be sent."""
        sealed = await self.redis.get(f"{{{programme_of(application.id)}}}:outbox:{application.id}")
        assert sealed is not None
        phone, text = msgspec.msgpack.decode(self.services.ring.unseal(sealed, application.id))
        return phone, text

    async def code(self, application: Submitted) -> str:
        _, text = await self.message(application)
        return code_in(text)

    async def confirm(self, application: Submitted, code: str) -> httpx.Response:
        return await self.client.post(
            f"/v1/applications/{application.id}/confirmation", json={"code": code}, headers=application.bearer
        )

    async def accepted(self, phone: str | None = None, **changes: object) -> Submitted:
        application = await self.submit(**changes)
        assert (await self.give_phone(application, phone or new_phone())).status_code == 202
        reply = await self.confirm(application, await self.code(application))
        assert reply.status_code == 200, reply.text
        return application

    async def registered(self, phone: str | None = None, **changes: object) -> tuple[Submitted, str]:
        """An accepted application as it is after the worker's first step, with its journal number."""
        application = await self.accepted(phone, **changes)
        number, _ = await self._register(application)
        return application, number

    async def forwarded(self, phone: str | None = None, **changes: object) -> tuple[Submitted, str]:
        application = await self.accepted(phone, **changes)
        number, case = await self._register(application)
        store, fence = self.services.store, case.fence
        last = State.ACCEPTED
        for state in (State.VERIFYING, State.FORWARDING):
            await advance(store, PROGRAMME, application.id, fence, (last, state), number)
            last = state
        history = await finish(store, PROGRAMME, application.id, fence, State.FORWARDED, 3_600_000)
        steps = [Step(step.state, step.at_ms) for step in history]
        await self.services.journal.record(application.id, steps, fence)
        return application, number

    async def refuse(self, application: Submitted) -> None:
        """Let verification say no."""
        case = await take(self.services.store, PROGRAMME, application.id)
        assert case is not None
        states = (State.ACCEPTED, State.VERIFYING)
        await advance(self.services.store, PROGRAMME, application.id, case.fence, states)
        await finish(self.services.store, PROGRAMME, application.id, case.fence, State.REFUSED, 3_600_000)

    async def prove(self, application: Submitted) -> None:
        """Let the mobile citizens' base say that the phone is the person's."""
        case = await take(self.services.store, PROGRAMME, application.id)
        assert case is not None
        await prove(self.services.store, PROGRAMME, application.id, case.fence)

    async def deny(self, application: Submitted) -> None:
        """Let the case be forwarded, and denied at once."""
        store = self.services.store
        case = await take(store, PROGRAMME, application.id)
        assert case is not None
        await finish(store, PROGRAMME, application.id, case.fence, State.FORWARDED, 3_600_000)
        await decided(store, PROGRAMME, application.id, case.person, denied=True)

    async def _register(self, application: Submitted) -> tuple[str, TakenCase]:
        case = await take(self.services.store, PROGRAMME, application.id)
        assert case is not None
        number = await self.services.journal.register(
            NewEntry(
                application_id=application.id,
                category="entrepreneur",
                person=case.person,
                phone_hash=case.phone_hash,
                receipt_hash=case.receipt_hash,
                sealed=case.body,
                sealed_phone=case.sealed_phone,
                record_version=1,
                accepted_at_ms=case.accepted_at_ms,
                fence=case.fence,
                history=[Step(step.state, step.at_ms) for step in case.history],
            )
        )
        return number, case

    async def status(self, application: Submitted) -> dict[str, Any]:
        reply = await self.client.get(f"/v1/applications/{application.id}", headers=application.bearer)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found


@asynccontextmanager
async def alive(app: Application) -> AsyncIterator[None]:
    """Start and stop the application in one task, as a server does; a fixture's two halves are two tasks."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ended.wait()

    living = asyncio.create_task(live())
    starting = asyncio.create_task(started.wait())
    await asyncio.wait([living, starting], return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()
    yield
    ended.set()
    await living


def code_in(text: str) -> str:
    found = re.search(r"\b\d{6}\b", text)
    assert found is not None
    return found[0]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"
