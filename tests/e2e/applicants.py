"""Made-up people who apply over HTTP as a patient client would: told to come back, they come back."""

import asyncio
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.domain.identifiers import Iban, IdentifierError, Iin

CATEGORIES = ("entrepreneur", "private_practice", "contractor")
# Longer than the worst outage of a test; past it the person has been lost.
PATIENCE_SECONDS = 240.0
# Answers after which the same call is sent again: the service is away, or was, in the middle of it.
COME_BACK = frozenset({500, 502, 503, 504})


def _iin(n: int) -> str:
    """A valid IIN of its own for each number; the stand-ins' special serials are left out."""
    day, serial = divmod(n, 9_000)
    for digit in "0123456789":
        try:
            return Iin.parse(f"9001{day + 1:02}3{serial:04}{digit}")
        except IdentifierError:
            continue
    return _iin(n + 100_000)  # This serial has no valid check digit; the day after tomorrow's has.


def _iban(n: int) -> str:
    account = f"722C{n:012}"
    for check in range(2, 99):
        try:
            return Iban.parse(f"KZ{check:02}{account}")
        except IdentifierError:
            continue
    raise AssertionError("one of the check numbers is right")


@dataclass(frozen=True)
class Applicant:
    n: int
    category: str | None = None
    iin: str | None = None

    @property
    def phone(self) -> str:
        return f"+7701{1_000_000 + self.n:07}"

    @property
    def address(self) -> str:
        """Where this one's requests come from, as the proxy on this machine would say."""
        return f"10.{self.n >> 16 & 255}.{self.n >> 8 & 255}.{self.n & 255}"

    @property
    def form(self) -> dict[str, str]:
        return {
            "category": self.category or CATEGORIES[self.n % len(CATEGORIES)],
            "iin": self.iin or _iin(self.n),
            "full_name": f"Қанарова Айжан {self.n}-қызы",
            "iban": _iban(self.n),
            "email": f"aizhan.qanarova.{self.n}@example.kz",
            "language": ("kk", "ru", "en")[self.n % 3],
        }

    @property
    def secrets_in_clear(self) -> list[str]:
        """What must never be found in clear anywhere: whole values, and the phone however it is written."""
        form = self.form
        return [form["iin"], form["iban"], form["full_name"], form["email"], self.phone[1:], self.phone[2:]]


@dataclass(frozen=True)
class Accepted:
    applicant: Applicant
    id: str
    receipt: str


class Crowd:
    def __init__(
        self, session: aiohttp.ClientSession, gateway: str, standins: str, programme: str = "42500"
    ) -> None:
        self._session, self._gateway, self._standins = session, gateway, standins
        self._url = f"{gateway}/v1/programmes/{programme}"

    async def apply(self, applicant: Applicant) -> Accepted:
        """Go all the way to an accepted application, whatever happens to the service meanwhile."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            given = await self._enter(applicant)
            one = Accepted(applicant, given["id"], given["receipt"])
            receipt = {"Authorization": f"Bearer {one.receipt}"}
            url = f"{self._gateway}/v1/applications/{one.id}"
            status, given = await self._send(f"{url}/phone", {"phone": applicant.phone}, receipt)
            # A call whose answer was lost has sent its code; sent again it is told to wait for it.
            assert status == 202 or given["code"] == "rate_limited", given
            await self._confirm(one, url, receipt)
            return one

    async def _enter(self, applicant: Applicant) -> Any:
        """Send the form, and again with the ticket once it is called."""
        headers = {"Idempotency-Key": secrets.token_hex(16), "X-Forwarded-For": applicant.address}
        while True:
            status, given = await self._send(f"{self._url}/applications", applicant.form, headers)
            if status == 202:
                return given
            assert given["code"] in {"full", "ticket_not_called"}, given
            headers["Waiting-Ticket"] = given.get("ticket", headers.get("Waiting-Ticket"))
            await self._wait_for_the_call(headers["Waiting-Ticket"])

    async def _wait_for_the_call(self, ticket: str) -> None:
        while True:
            async with self._session.get(
                f"{self._gateway}/v1/waiting-room", headers={"Waiting-Ticket": ticket}
            ) as response:
                if response.status == 200 and (await response.json())["state"] != "waiting":
                    return
            # Politer clients wait as long as they are told; a test has no time for that.
            await asyncio.sleep(0.3)

    async def _confirm(self, one: Accepted, url: str, receipt: dict[str, str]) -> None:
        while True:
            code = await self._code(one.applicant.phone)
            status, given = await self._send(f"{url}/confirmation", {"code": code}, receipt)
            if status == 200:
                return
            # An older message may have arrived before the newest.
            assert given["code"] == "code_wrong", given
            await asyncio.sleep(0.5)

    async def _code(self, phone: str) -> str:
        while True:
            async with self._session.get(f"{self._standins}/sms/inbox", params={"phone": phone}) as response:
                messages = await response.json()
            if messages:
                return str(re.findall("[0-9]{6}", messages[-1]["text"])[0])
            await asyncio.sleep(0.1)

    async def look(self, one: Accepted) -> dict[str, Any]:
        url = f"{self._gateway}/v1/applications/{one.id}"
        while True:
            async with self._session.get(url, headers={"Authorization": f"Bearer {one.receipt}"}) as response:
                if response.status not in COME_BACK:
                    assert response.status == 200, await response.text()
                    seen: dict[str, Any] = await response.json()
                    return seen
            await asyncio.sleep(0.2)

    async def effects(self) -> dict[str, int]:
        async with self._session.get(f"{self._standins}/e-maket/applications") as response:
            return {one["application_id"]: one["effects"] for one in await response.json()}

    async def numbers(self) -> list[str]:
        """The journal numbers that E-Maket has."""
        async with self._session.get(f"{self._standins}/e-maket/applications") as response:
            return [one["number"] for one in await response.json()]

    async def in_process(self) -> int:
        async with self._session.get(self._url) as response:
            facts = await response.json()
            return int(facts["in_process"])

    async def until_all(self, everybody: Iterable[Accepted], state: str, seconds: float) -> None:
        """Wait until every application shows `state` to its applicant."""
        left = list(everybody)
        deadline = asyncio.get_running_loop().time() + seconds
        while left:
            left = [one for one in left if (await self.look(one))["state"] != state]
            late = asyncio.get_running_loop().time() > deadline
            assert not (left and late), [await self.look(one) for one in left[:5]]
            await asyncio.sleep(0.5)

    async def _send(self, url: str, body: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        """POST until somebody answers for good: a patient client with the same key or receipt."""
        while True:
            try:
                async with self._session.post(url, json=body, headers=headers) as response:
                    given = await response.json()
                    if response.status not in COME_BACK or given["code"] == "full":
                        return response.status, given
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(0.2)


def open_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
