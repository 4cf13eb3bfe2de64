"""The fund: what it has decided, and how it tells."""

import hashlib
import hmac
import json
import time
from typing import Any

import httpx

from config.keys import Keys
from tests.integration.http.journey import Journey, Submitted


def decision(
    application: Submitted, number: str, verdict: str = "assigned", **changes: Any
) -> dict[str, Any]:
    return {
        "application_id": application.id,
        "number": number,
        "decision": verdict,
        "decided_at": "2026-11-21T10:00:00Z",
        "reason": None,
        **changes,
    }


def signed(body: bytes, key: bytes, timestamp: int | None = None) -> dict[str, str]:
    stamp = str(int(time.time()) if timestamp is None else timestamp)
    signature = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"Timestamp": stamp, "Signature": signature, "Content-Type": "application/json"}


async def tell(journey: Journey, fields: object, keys: Keys, timestamp: int | None = None) -> httpx.Response:
    body = json.dumps(fields).encode()
    return await journey.client.post(
        "/v1/decisions", content=body, headers=signed(body, keys.webhook, timestamp)
    )
