"""One call after the other, as somebody makes them who does not apply for themselves."""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from msgspec import Struct

from loadtests.chaos.applicants import PROGRAMME
from loadtests.chaos.service import Stack

_PAUSE_SECONDS = 0.05
# A code that is not there by then was not sent.
_CODE_WITHIN_SECONDS = 20.0


class Entered(Struct, frozen=True):
    id: str
    receipt: str


class Swindler:
    """Calls come from whichever address is named: the service trusts this machine's own X-Forwarded-For."""

    def __init__(self, session: aiohttp.ClientSession, stack: Stack) -> None:
        self._session, self._stack = session, stack

    async def enter(self, form: Mapping[str, str], address: str) -> Entered | None:
        """Return None when there was no slot."""
        url = f"{self._stack.url}/v1/programmes/{PROGRAMME}/applications"
        status, given = await self._post(url, form, {"X-Forwarded-For": address})
        return Entered(given["id"], given["receipt"]) if status == HTTPStatus.ACCEPTED else None

    async def give_phone(self, entered: Entered, phone: str, address: str) -> tuple[int, Any]:
        return await self._of_case(entered, "phone", {"phone": phone}, address)

    async def confirm(self, entered: Entered, phone: str, address: str) -> tuple[int, Any]:
        """Enter the code that came to the phone. Raises TimeoutError when none came."""
        return await self._of_case(entered, "confirmation", {"code": await self._code(phone)}, address)

    async def state_of(self, entered: Entered) -> str:
        headers = {"Authorization": f"Bearer {entered.receipt}"}
        url = f"{self._stack.url}/v1/applications/{entered.id}"
        async with self._session.get(url, headers=headers) as response:
            return str((await response.json()).get("state", response.status))

    async def inbox(self, phone: str) -> list[str]:
        url = f"{self._stack.standins_url}/sms/inbox?phone=%2B{phone[1:]}"
        async with self._session.get(url) as response:
            return [message["text"] for message in await response.json()]

    async def own(self, owners: Mapping[str, str | None]) -> None:
        """Tell the mobile citizens' base whose phones these are."""
        listed = [{"phone": phone, "iin": iin} for phone, iin in owners.items()]
        url = f"{self._stack.standins_url}/mobile-citizens/owners"
        async with self._session.put(url, json=listed) as response:
            response.raise_for_status()

    async def _code(self, phone: str) -> str:
        async with asyncio.timeout(_CODE_WITHIN_SECONDS):
            while not (texts := await self.inbox(phone)):  # noqa: ASYNC110 - Another process tells nobody.
                await asyncio.sleep(_PAUSE_SECONDS)
        return str(re.findall("[0-9]{6}", texts[-1])[0])

    async def _of_case(
        self, entered: Entered, what: str, body: Mapping[str, str], address: str
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {entered.receipt}", "X-Forwarded-For": address}
        return await self._post(f"{self._stack.url}/v1/applications/{entered.id}/{what}", body, headers)

    async def _post(self, url: str, body: Mapping[str, str], headers: Mapping[str, str]) -> tuple[int, Any]:
        async with self._session.post(url, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)
