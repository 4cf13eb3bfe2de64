import hashlib
import hmac
import time
from datetime import datetime
from typing import Any

import aiohttp
import msgspec
import pytest

from workers.systems.e_maket import Forwarding, HttpEMaket

from .conftest import (
    CASE,
    DENIED_IIN,
    FAILS_IIN,
    SECRET,
    Gateway,
    Standins,
    StartStandins,
    eventually,
)


async def forward(standins: Standins, session: aiohttp.ClientSession, case: Forwarding = CASE) -> None:
    await HttpEMaket(session, f"{standins.url}/e-maket", 5_000).forward(case, 1)


async def state_becomes(standins: Standins, state: str) -> dict[str, Any]:
    delivery: dict[str, Any] = {}

    async def is_so() -> bool:
        deliveries = await standins.get("/e-maket/deliveries")
        delivery.update(deliveries[0])
        return bool(delivery["state"] == state)

    await eventually(is_so)
    return delivery


async def test_the_gateway_is_told_the_decision_signed(
    standins: Standins, session: aiohttp.ClientSession, gateway: Gateway
) -> None:
    await forward(standins, session)
    delivery = await state_becomes(standins, "delivered")

    headers, body = gateway.calls[0]
    decision = gateway.decisions[0]
    decided_at = datetime.fromisoformat(decision.pop("decided_at"))
    signed = headers["Timestamp"].encode() + b"." + body
    assert headers["Signature"] == hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert headers["Content-Type"] == "application/json"
    assert abs(time.time() - int(headers["Timestamp"])) < 60
    assert decided_at.utcoffset() is not None
    assert decision == {
        "application_id": CASE.application_id,
        "number": CASE.number,
        "decision": "assigned",
        "reason": None,
    }
    assert delivery == {
        "application_id": CASE.application_id,
        "number": CASE.number,
        "state": "delivered",
        "decision": "assigned",
        "attempts": 1,
        "last_status": 204,
    }


@pytest.mark.parametrize(
    ("iin", "decision", "reason"),
    [(DENIED_IIN, "denied", "no_contributions"), (FAILS_IIN, "assigned", None)],
)
async def test_the_fund_decides_by_the_iin(
    standins: Standins,
    session: aiohttp.ClientSession,
    gateway: Gateway,
    iin: str,
    decision: str,
    reason: str | None,
) -> None:
    await forward(standins, session, msgspec.structs.replace(CASE, iin=iin))
    await state_becomes(standins, "delivered")

    assert (gateway.decisions[0]["decision"], gateway.decisions[0]["reason"]) == (decision, reason)


async def test_a_gateway_that_refuses_is_called_again_until_204(
    standins: Standins, session: aiohttp.ClientSession, gateway: Gateway
) -> None:
    gateway.status = 409
    await forward(standins, session)

    async def was_called_twice() -> bool:
        return len(gateway.calls) >= 2

    await eventually(was_called_twice)
    gateway.status = 204
    delivery = await state_becomes(standins, "delivered")

    assert delivery["attempts"] == len(gateway.calls)
    assert all(decision == gateway.decisions[0] for decision in gateway.decisions)


@pytest.mark.parametrize("status", [200, 202, 302, 503])
async def test_only_204_ends_the_calls_and_a_gateway_that_never_says_it_is_given_up(
    start_standins: StartStandins, session: aiohttp.ClientSession, gateway: Gateway, status: int
) -> None:
    gateway.status = status
    standins = await start_standins(give_up_after_ms=100)

    await forward(standins, session)
    delivery = await state_becomes(standins, "given_up")

    assert delivery["last_status"] == status
    assert delivery["attempts"] >= 2


async def test_a_gateway_that_is_away_is_given_up_too(
    start_standins: StartStandins, session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    standins = await start_standins(gateway_url=f"http://127.0.0.1:{unused_tcp_port}", give_up_after_ms=100)

    await forward(standins, session)
    delivery = await state_becomes(standins, "given_up")

    assert delivery["last_status"] is None


@pytest.mark.parametrize(
    "knobs", [{"error_rate": 1}, {"drop_reply": True}, {"wrong_schema": True}, {"hang": True}]
)
async def test_a_broken_fund_is_asked_until_it_answers(
    standins: Standins, session: aiohttp.ClientSession, gateway: Gateway, knobs: dict[str, object]
) -> None:
    await standins.break_system("fund", **knobs)
    await forward(standins, session)
    await state_becomes(standins, "asking_fund")
    assert gateway.calls == []

    await standins.mend_all()
    await state_becomes(standins, "delivered")

    assert [decision["decision"] for decision in gateway.decisions] == ["assigned"]


async def test_an_application_is_decided_once_however_often_it_comes(
    standins: Standins, session: aiohttp.ClientSession, gateway: Gateway
) -> None:
    for _ in range(3):
        await forward(standins, session)
    await state_becomes(standins, "delivered")

    assert len(await standins.get("/e-maket/deliveries")) == 1
    assert len(gateway.calls) == 1


async def test_a_decision_waits_as_long_as_it_is_told(
    start_standins: StartStandins, session: aiohttp.ClientSession, gateway: Gateway
) -> None:
    standins = await start_standins(decide_after_ms=3_600_000)

    await forward(standins, session)

    await state_becomes(standins, "waiting")
    assert gateway.calls == []
