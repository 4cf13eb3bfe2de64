"""Whoever has lost a receipt asks for a new one with the number of the case and its phone."""

from typing import Any

import httpx
import msgspec

from tests.integration.http.journey import Journey, code_in

UNKNOWN = "42500-2026-9999999"


async def ask(journey: Journey, number: object, phone: object, **fields: object) -> httpx.Response:
    body = {"number": number, "phone": phone, **fields}
    return await journey.client.post("/v1/receipts", json=body)


async def sent_code(journey: Journey, number: str, phone: str) -> str:
    """The code in the message that waits for the worker, whether or not it will be sent."""
    request = journey.services.ring.pair(number, phone)
    sealed: Any = await journey.redis.hget(f"{{42500}}:lost:{request}", "message")
    sealed_number, sealed_phone, text = msgspec.msgpack.decode(journey.services.ring.unseal(sealed, request))
    assert (sealed_number, sealed_phone) == (number, phone)
    return code_in(text)
