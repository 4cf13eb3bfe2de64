import asyncio

import aiohttp
import msgspec
import pytest

from workers.systems.e_maket import HttpEMaket
from workers.systems.errors import StaleToken, SystemAnsweredWrong, WrongReason

from .conftest import CASE, Standins

BODY = msgspec.json.encode(CASE)
HEADERS = {"Idempotency-Key": CASE.application_id, "Fencing-Token": "1"}
ANSWER = {"application_id": CASE.application_id, "number": CASE.number, "state": "taken"}


@pytest.fixture
def e_maket(standins: Standins, session: aiohttp.ClientSession) -> HttpEMaket:
    return HttpEMaket(session, f"{standins.url}/e-maket", 5_000)


async def effects(standins: Standins) -> object:
    return {
        taken["application_id"]: taken["effects"] for taken in await standins.get("/e-maket/applications")
    }


async def post(standins: Standins, body: bytes = BODY, **headers: str) -> tuple[int, object]:
    sent = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await standins.ask("POST", "/e-maket/applications", data=body, headers=sent)


async def test_the_same_key_takes_effect_once_and_gets_the_same_answer(standins: Standins) -> None:
    assert await post(standins) == (201, ANSWER)
    assert await post(standins) == (200, ANSWER)
    assert await post(standins, Fencing_Token="2") == (200, ANSWER)

    assert await standins.get("/e-maket/applications") == [
        {"application_id": CASE.application_id, "number": CASE.number, "effects": 1}
    ]


async def test_many_calls_at_once_take_effect_once(e_maket: HttpEMaket, standins: Standins) -> None:
    await asyncio.gather(*(e_maket.forward(CASE, 1) for _ in range(20)))

    assert await effects(standins) == {CASE.application_id: 1}


async def test_another_body_under_the_same_key_is_refused(standins: Standins) -> None:
    await post(standins)

    changed = msgspec.structs.replace(CASE, iban="KZ563190000012344567")
    answer = await post(standins, msgspec.json.encode(changed))

    assert answer == (422, {"error": "idempotency_conflict"})
    assert await effects(standins) == {CASE.application_id: 1}


async def test_another_application_under_a_used_key_is_refused(standins: Standins) -> None:
    await post(standins)

    other = msgspec.structs.replace(CASE, application_id="42500-b")
    status, _ = await post(standins, msgspec.json.encode(other))

    assert status == 422
    assert await effects(standins) == {CASE.application_id: 1}


async def test_two_keys_for_one_application_show_as_two_effects(standins: Standins) -> None:
    await post(standins)

    status, _ = await post(standins, Idempotency_Key="another")

    assert status == 201
    assert await effects(standins) == {CASE.application_id: 2}


async def test_a_smaller_token_than_the_largest_seen_takes_no_effect(
    e_maket: HttpEMaket, standins: Standins
) -> None:
    await e_maket.forward(CASE, 7)

    assert await post(standins, Fencing_Token="6") == (409, {"error": "stale_token"})
    assert await post(standins, Fencing_Token="6", Idempotency_Key="another") == (
        409,
        {"error": "stale_token"},
    )
    with pytest.raises(StaleToken):
        await e_maket.forward(CASE, 6)
    await e_maket.forward(CASE, 7)
    assert await effects(standins) == {CASE.application_id: 1}


async def test_a_repeat_raises_the_largest_token_seen(e_maket: HttpEMaket) -> None:
    await e_maket.forward(CASE, 1)
    await e_maket.forward(CASE, 9)

    with pytest.raises(StaleToken):
        await e_maket.forward(CASE, 8)


async def test_tokens_of_other_applications_do_not_count(e_maket: HttpEMaket) -> None:
    await e_maket.forward(CASE, 9)

    await e_maket.forward(msgspec.structs.replace(CASE, application_id="42500-b"), 1)


@pytest.mark.parametrize("token", ["", "-1", "1.0", "one", "٣", "1" * 20])
async def test_a_token_that_is_no_whole_number_is_refused(standins: Standins, token: str) -> None:
    status, _ = await post(standins, Fencing_Token=token)

    assert status == 400
    assert await effects(standins) == {}


async def test_a_call_without_a_key_is_refused(standins: Standins) -> None:
    status, _ = await post(standins, Idempotency_Key="")

    assert status == 400
    assert await effects(standins) == {}


@pytest.mark.parametrize(
    "changes",
    [{"iin": "1"}, {"number": ""}, {"accepted_at": "2026-04-08T03:00:00"}, {"extra": 1}, {"iban": None}],
)
async def test_a_malformed_application_is_refused(standins: Standins, changes: dict[str, object]) -> None:
    application = {**msgspec.json.decode(BODY), **changes}

    status, _ = await post(standins, msgspec.json.encode(application))

    assert status == 400
    assert await effects(standins) == {}


async def test_the_client_sees_a_conflict_as_a_permanent_refusal(e_maket: HttpEMaket) -> None:
    await e_maket.forward(CASE, 1)

    with pytest.raises(SystemAnsweredWrong) as caught:
        await e_maket.forward(msgspec.structs.replace(CASE, email="a@b.kz"), 1)

    assert (caught.value.reason, caught.value.code) == (WrongReason.REFUSED, 422)
