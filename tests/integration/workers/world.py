"""A worker's world for tests: real Valkey, a real journal, the stand-ins over real HTTP. No gateway."""

import hashlib
from typing import Any

import aiohttp
import msgspec

from config.settings import Settings
from gateway.domain.application import Application
from gateway.domain.case import State, new_application_id
from gateway.domain.programme import Conversion
from gateway.inflight.admission import Admission, AdmissionRules, Admitted, admit
from gateway.inflight.confirmation import ConfirmationRules, ConfirmOutcome, SealedCode, confirm, give_phone
from gateway.inflight.status import look, tick
from workers.steps.messages import CodeMessage
from workers.steps.process_case import process_case
from workers.steps.retrying import retried
from workers.tools import Tools

PHONE = "+77011234567"
UNLIMITED = "1000000:1000:0"
PASSES, FAILS, UNKNOWN, UNKNOWN_TWICE = "900101300423", "900101399908", "900101399918", "900101399928"
# Owns the phone of others, and no more than that.
OWNS_OTHERS, OF_OTHERS = "900101399948", "+77011239948"


PHONE_RULES = ConfirmationRules(
    limit_seed=100,
    lease_after_code_ms=600_000,
    resend_ms=60_000,
    phone_limit=UNLIMITED,
    block_limit=UNLIMITED,
    codes_per_day=0,
    changes=2,
    tries=5,
    persons_per_phone=1000,
    day_offset_ms=0,
    kept_ms=60_000,
    code_address_limit=UNLIMITED,
    conversion=Conversion(codes=10_000_000),
    phones_checked=True,
)


def _receipt_hash(application_id: str) -> str:
    return hashlib.sha256(application_id.encode()).hexdigest()


def made_up_iins(count: int) -> list[str]:
    """Different persons; where they pass does not matter, only that they are not the same."""
    return [f"90010130{n:04}" for n in range(count)]


class World(msgspec.Struct, frozen=True):
    tools: Tools
    settings: Settings
    session: aiohttp.ClientSession

    async def accept(self, iin: str = PASSES, category: str = "entrepreneur", phone: str = PHONE) -> str:
        """Bring one application past its confirmation, as the gateway would."""
        one = await self.apply(iin, category)
        assert await self.confirm(one, phone) is ConfirmOutcome.ACCEPTED
        return one

    async def apply(self, iin: str = PASSES, category: str = "entrepreneur") -> str:
        tools, code = self.tools, self.tools.programme.code
        application_id = new_application_id(code)
        one = Application(category, iin, None, "Әсем Сапарқызы", "KZ86125KZT5004100100", None, "kk")
        body = tools.keyring.seal(msgspec.msgpack.encode(one), application_id)
        admission = Admission(
            id=application_id,
            address="a" * 32,
            person=tools.keyring.person(code, iin),
            proof="0" * 16,
            receipt_hash=_receipt_hash(application_id),
            body=body,
            idempotency="",
            digest="",
            sealed_receipt=b"",
        )
        rules = AdmissionRules(100, 180_000, 100, 5, UNLIMITED, UNLIMITED)
        assert isinstance((await admit(tools.store, code, rules, [admission]))[0], Admitted)
        return application_id

    async def confirm(self, application_id: str, phone: str = PHONE) -> ConfirmOutcome:
        """Give the phone, if that was not done before, and enter its code."""
        tools, code = self.tools, self.tools.programme.code
        message = msgspec.msgpack.encode(CodeMessage(phone, "Код: 123456"))
        sealed = SealedCode(
            phone_hash=tools.keyring.phone(phone),
            block_hash=tools.keyring.block(phone),
            sealed_phone=tools.keyring.seal(phone.encode(), application_id),
            code_hash="c" * 32,
            sealed_message=tools.keyring.seal(message, application_id),
            address_hash="a" * 32,
        )
        application = (application_id, _receipt_hash(application_id))
        await give_phone(tools.store, code, PHONE_RULES, application, sealed)
        return (await confirm(tools.store, code, PHONE_RULES, application, "c" * 32)).outcome

    async def process(self, application_id: str, job_try: int = 1) -> None:
        """Run the job once, as arq would; raises arq's Retry."""
        await retried(process_case)({"tools": self.tools, "job_try": job_try}, application_id)

    async def effects(self) -> dict[str, int]:
        async with self.session.get(f"{self.settings.e_maket_base_url}/applications") as response:
            return {one["application_id"]: one["effects"] for one in await response.json()}

    async def inbox(self) -> list[str]:
        async with self.session.get(
            f"{self.settings.sms_base_url}/inbox", params={"phone": PHONE}
        ) as response:
            return [one["text"] for one in await response.json()]

    async def own(self, phone: str, iin: str | None) -> None:
        """Register a phone to a person, or to nobody."""
        url = f"{self.settings.mobile_citizens_base_url}/owners"
        async with self.session.put(url, json=[{"phone": phone, "iin": iin}]) as response:
            response.raise_for_status()

    async def fault(self, system: str, **knobs: Any) -> None:
        url = f"{self.settings.standins_url}/faults"
        async with self.session.delete(url) as cleared:
            cleared.raise_for_status()
        if knobs:
            async with self.session.put(f"{url}/{system}", json=knobs) as response:
                response.raise_for_status()

    async def live(self) -> int:
        return (await tick(self.tools.store, self.tools.programme.code, 100, 60_000)).live

    async def states(self, application_id: str) -> tuple[State | None, State | None]:
        """Where Redis and the journal see the case."""
        sight = await look(self.tools.store, self.tools.programme.code, application_id)
        entry = await self.tools.journal.get(application_id)
        return (sight.state if sight else None, entry.state if entry else None)
