"""E-Maket's way to a decision: ask the Fund over HTTP, then call the gateway's webhook until it says 204."""

import asyncio
import contextlib
import hashlib
import hmac
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from loadtests.standins.wire import answer

# The longest a single call may take; a hanging Fund or gateway is asked again after it.
CALL_TIMEOUT_SECONDS = 5.0

# Calls at once to the Fund, and to the gateway: enough for 1 000 a second at 30 ms each, and too few to bury
# a gateway that comes back while 25 000 decisions wait for it.
LINES = 32

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


class DeliveryState(StrEnum):
    WAITING = "waiting"
    ASKING_FUND = "asking_fund"
    CALLING_GATEWAY = "calling_gateway"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Due(msgspec.Struct, frozen=True):
    application_id: str
    number: str
    iin: str


class Delivery(msgspec.Struct):
    """`attempts` and `last_status` tell of the webhook; no status means that no answer came."""

    application_id: str
    number: str
    state: DeliveryState = DeliveryState.WAITING
    decision: str | None = None
    attempts: int = 0
    last_status: int | None = None


class FundAnswer(msgspec.Struct, frozen=True):
    decision: Literal["assigned", "denied"]
    reason: str | None


class Deciding:
    def __init__(
        self, gateway_url: str, webhook_secret: bytes, *, decide_after_ms: int, give_up_after_ms: int
    ) -> None:
        self._webhook_url = URL(gateway_url) / "v1/decisions"
        self._secret = webhook_secret
        self._decide_after_seconds = decide_after_ms / 1000
        self._give_up_after_seconds = give_up_after_ms / 1000
        self._deliveries: list[Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._fund_lines = asyncio.Semaphore(LINES)
        self._gateway_lines = asyncio.Semaphore(LINES)

    async def live(self, app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(CALL_TIMEOUT_SECONDS)
        ) as self._session:
            yield
            await self.stop(app)

    async def stop(self, _app: web.Application) -> None:
        """End what is under way: the calls to the Fund come back to this very server and would keep it up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def schedule(self, due: Due, fund_url: URL) -> None:
        delivery = Delivery(due.application_id, due.number)
        self._deliveries.append(delivery)
        task = asyncio.create_task(self._decide(due, delivery, fund_url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def list_deliveries(self, _request: web.Request) -> web.Response:
        return answer(self._deliveries)

    async def _decide(self, due: Due, delivery: Delivery, fund_url: URL) -> None:
        await asyncio.sleep(self._decide_after_seconds)
        delivery.state = DeliveryState.ASKING_FUND
        verdict = await self._ask_fund(due, fund_url)
        delivery.decision = verdict.decision
        delivery.state = DeliveryState.CALLING_GATEWAY
        is_delivered = await self._tell_gateway(delivery, verdict)
        delivery.state = DeliveryState.DELIVERED if is_delivered else DeliveryState.GIVEN_UP

    async def _ask_fund(self, due: Due, fund_url: URL) -> FundAnswer:
        body = msgspec.json.encode(due)
        for pause_seconds in _pauses_seconds():
            async with self._fund_lines:
                status, content = await self._post(fund_url, body, {})
            if status == web.HTTPOk.status_code:
                with contextlib.suppress(msgspec.DecodeError):
                    return msgspec.json.decode(content, type=FundAnswer)
            await asyncio.sleep(pause_seconds)
        raise AssertionError("the pauses never end")

    async def _tell_gateway(self, delivery: Delivery, verdict: FundAnswer) -> bool:
        body = msgspec.json.encode(
            {
                "application_id": delivery.application_id,
                "number": delivery.number,
                "decision": verdict.decision,
                "decided_at": datetime.now(UTC).replace(microsecond=0),
                "reason": verdict.reason,
            }
        )
        give_up_at = time.monotonic() + self._give_up_after_seconds
        for pause_seconds in _pauses_seconds():
            async with self._gateway_lines:
                delivery.last_status, _ = await self._post(self._webhook_url, body, self._signature(body))
            delivery.attempts += 1
            if delivery.last_status == web.HTTPNoContent.status_code:
                return True
            if time.monotonic() >= give_up_at:
                return False
            await asyncio.sleep(pause_seconds)
        raise AssertionError("the pauses never end")

    def _signature(self, body: bytes) -> dict[str, str]:
        """Signed anew for each attempt: the gateway refuses an old timestamp as a replay."""
        timestamp = str(int(time.time()))
        signed = timestamp.encode() + b"." + body
        return {
            "Timestamp": timestamp,
            "Signature": hmac.new(self._secret, signed, hashlib.sha256).hexdigest(),
        }

    async def _post(self, url: URL, body: bytes, headers: Mapping[str, str]) -> tuple[int | None, bytes]:
        try:
            async with self._session.post(
                url, data=body, headers={"Content-Type": "application/json", **headers}, allow_redirects=False
            ) as reply:
                return reply.status, await reply.read()
        except (aiohttp.ClientError, TimeoutError):
            return None, b""


def _pauses_seconds() -> Iterator[float]:
    """Without end; each doubles the one before, with jitter, up to the longest."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        yield pause_seconds * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
