"""The worker of the naive stack, for stock arq: ask the Labour Market, hand over to E-Maket, free the slot.

It runs among the peers of the benchmark: `build/bench-venv/bin/arq`. Everything is arq's default.
"""

import os
from datetime import UTC, datetime
from typing import Any

import httpx
from arq.connections import RedisSettings

# The name that the gateway of the naive stack counts under.
COUNTER = "in_process"


async def process(ctx: dict[str, Any], form: dict[str, Any]) -> str:
    """Return what became of the application; a job that fails is not tried again, as arq has it."""
    try:
        asked = {"application_id": ctx["job_id"], **_some(form, "iin", "employer", "category")}
        verdict = await _post(ctx, "/labour-market/verifications", asked)
        if verdict["verdict"] != "pass":
            return "refused"
        case = {
            # The person is told by it when E-Maket is asked what it has: all of them are made up.
            "application_id": f"{form['iin']}-{ctx['job_id']}",
            "number": ctx["job_id"],
            "programme": "42500",
            "accepted_at": datetime.now(UTC).isoformat(),
            **_some(form, "category", "iin", "employer", "full_name", "iban", "email"),
        }
        await _post(ctx, "/e-maket/applications", case)
        return "forwarded"
    finally:
        await ctx["redis"].decr(COUNTER)


async def open_client(ctx: dict[str, Any]) -> None:
    ctx["systems"] = httpx.AsyncClient(base_url=os.environ["PEER_STANDINS"], timeout=10)


async def close_client(ctx: dict[str, Any]) -> None:
    await ctx["systems"].aclose()


async def _post(ctx: dict[str, Any], path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Idempotency-Key": ctx["job_id"], "Fencing-Token": "1"}
    answer = await ctx["systems"].post(path, json=body, headers=headers)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def _some(form: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: form[name] for name in names}


class WorkerSettings:
    functions = (process,)
    on_startup = open_client
    on_shutdown = close_client
    redis_settings = RedisSettings.from_dsn(os.environ["PEER_REDIS_URL"])
