import asyncio

import aiohttp
import pytest

from .conftest import USUAL_IIN, Standins, eventually

QUESTION = {"application_id": "42500-a", "iin": USUAL_IIN, "employer": None, "category": "entrepreneur"}
CALM = {"latency_ms": 0, "error_rate": 0.0, "hang": False, "drop_reply": False, "wrong_schema": False}


async def verify(standins: Standins, application_id: str = "42500-a") -> tuple[int, object]:
    question = {**QUESTION, "application_id": application_id}
    return await standins.ask("POST", "/labour-market/verifications", json=question)


async def askings(standins: Standins) -> object:
    return await standins.get("/labour-market/verifications")


async def test_at_first_every_system_is_calm(standins: Standins) -> None:
    systems = ("labour-market", "e-maket", "fund", "sms", "mobile-citizens")

    assert await standins.get("/faults") == dict.fromkeys(systems, CALM)


async def test_a_put_replaces_all_knobs_of_one_system(standins: Standins) -> None:
    await standins.break_system("sms", latency_ms=5, drop_reply=True)
    await standins.break_system("sms", error_rate=1)

    shown = await standins.get("/faults")

    assert shown["sms"] == {**CALM, "error_rate": 1.0}
    assert shown["fund"] == CALM


async def test_an_unknown_system_is_not_found(standins: Standins) -> None:
    status, content = await standins.ask("PUT", "/faults/post-office", json={"hang": True})

    assert status == 404
    there_are = "labour-market, e-maket, fund, sms, mobile-citizens"
    assert content == {"error": f"unknown system; there are: {there_are}"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hang",
        b"[]",
        b'{"explode": true}',
        b'{"hang": "yes"}',
        b'{"hang": 1}',
        b'{"latency_ms": -1}',
        b'{"latency_ms": 0.5}',
        b'{"latency_ms": 600001}',
        b'{"error_rate": 1.1}',
        b'{"error_rate": -0.1}',
        b'{"error_rate": NaN}',
    ],
)
async def test_a_bad_knob_is_refused_with_its_reason_and_changes_nothing(
    standins: Standins, body: bytes
) -> None:
    await standins.break_system("fund", drop_reply=True)

    status, content = await standins.ask("PUT", "/faults/fund", data=body)

    assert status == 400
    assert content["error"]
    assert (await standins.get("/faults"))["fund"] == {**CALM, "drop_reply": True}


async def test_an_error_takes_no_effect(standins: Standins) -> None:
    await standins.break_system("labour-market", error_rate=1)

    status, content = await verify(standins)

    assert (status, content) == (503, {"error": "unavailable"})
    assert await askings(standins) == []


async def test_errors_come_as_often_as_the_rate_says(standins: Standins) -> None:
    await standins.break_system("labour-market", error_rate=0.5)

    statuses = [(await verify(standins))[0] for _ in range(60)]

    # By chance all 60 would be alike once in 10^18 runs.
    assert set(statuses) == {200, 503}


async def test_a_dropped_reply_has_taken_effect(standins: Standins) -> None:
    await standins.break_system("labour-market", drop_reply=True)

    with pytest.raises(aiohttp.ClientError):
        await verify(standins)

    assert await askings(standins) == [{"application_id": "42500-a", "askings": 1}]


async def test_a_wrong_schema_has_taken_effect(standins: Standins) -> None:
    await standins.break_system("labour-market", wrong_schema=True)

    assert await verify(standins) == (200, {"unexpected": [1, 2, 3]})
    assert await askings(standins) == [{"application_id": "42500-a", "askings": 1}]


async def test_latency_delays_the_answer_and_not_other_systems(standins: Standins) -> None:
    await standins.break_system("labour-market", latency_ms=300)
    slow = asyncio.create_task(verify(standins))

    assignment = {"application_id": "42500-a", "number": "42500-2026-0000001", "iin": USUAL_IIN}
    status, _ = await standins.ask("POST", "/fund/assignments", json=assignment)

    assert status == 200
    assert not slow.done()
    assert (await slow)[0] == 200


@pytest.mark.parametrize("how", ["delete", "put"])
async def test_hanging_requests_go_on_when_the_fault_ends(standins: Standins, how: str) -> None:
    await standins.break_system("labour-market", hang=True)
    hanging = [asyncio.create_task(verify(standins, f"42500-{n}")) for n in range(5)]
    _, pending = await asyncio.wait(hanging, timeout=0.2)
    assert len(pending) == len(hanging)

    await (standins.mend_all() if how == "delete" else standins.break_system("labour-market", latency_ms=1))

    assert {status for status, _ in await asyncio.gather(*hanging)} == {200}


async def test_a_hanging_request_whose_client_left_takes_no_effect(standins: Standins) -> None:
    await standins.break_system("labour-market", hang=True)
    impatient = asyncio.create_task(verify(standins, "42500-impatient"))
    await asyncio.wait([impatient], timeout=0.1)
    impatient.cancel()
    await asyncio.wait([impatient])

    await standins.mend_all()
    await verify(standins, "42500-patient")

    assert await askings(standins) == [{"application_id": "42500-patient", "askings": 1}]


async def test_lists_and_the_inbox_are_never_broken(standins: Standins) -> None:
    for system in ("labour-market", "e-maket", "fund", "sms"):
        await standins.break_system(system, error_rate=1, hang=True)

    assert await standins.get("/e-maket/applications") == []
    assert await standins.get("/e-maket/deliveries") == []
    assert await askings(standins) == []
    assert await standins.get("/sms/inbox?phone=77011234567") == []


async def test_a_hanging_fund_is_asked_again_once_it_is_mended(standins: Standins) -> None:
    await standins.break_system("fund", hang=True)
    assignment = {"application_id": "42500-a", "number": "42500-2026-0000001", "iin": USUAL_IIN}
    asked = asyncio.create_task(standins.ask("POST", "/fund/assignments", json=assignment))

    async def is_answered() -> bool:
        await standins.mend_all()
        return asked.done()

    await eventually(is_answered)

    assert await asked == (200, {"decision": "assigned", "reason": None})
