import asyncio
import json

import httpx
import pytest

from tests.integration.http.journey import PROGRAMME, Journey, form, new_iban

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"


async def test_the_same_key_and_body_bring_the_same_answer(journey: Journey) -> None:
    fields, key = form(), {"Idempotency-Key": "form-1"}

    first = await journey.client.post(APPLICATIONS, json=fields, headers=key)
    second = await journey.client.post(APPLICATIONS, json=fields, headers=key)

    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert first.headers["location"] == second.headers["location"]
    assert await journey.redis.zcard("{42500}:leases") == 1


async def test_spaces_and_order_in_the_json_make_no_other_body(client: httpx.AsyncClient) -> None:
    fields = form()
    headers = {"Idempotency-Key": "form-1", "Content-Type": "application/json; charset=UTF-8"}

    first = await client.post(APPLICATIONS, content=json.dumps(fields), headers=headers)
    turned = json.dumps(dict(reversed(fields.items())), indent=4, ensure_ascii=False)
    second = await client.post(APPLICATIONS, content=turned, headers=headers)

    assert first.json() == second.json()


async def test_the_language_of_the_page_makes_no_other_body(client: httpx.AsyncClient) -> None:
    fields, key = form(language=...), {"Idempotency-Key": "form-1"}

    first = await client.post(APPLICATIONS, json=fields, headers=key | {"Accept-Language": "kk"})
    second = await client.post(APPLICATIONS, json=fields, headers=key | {"Accept-Language": "ru"})

    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()


async def test_the_same_key_with_another_body_is_a_conflict(client: httpx.AsyncClient) -> None:
    fields, key = form(), {"Idempotency-Key": "form-1"}
    await client.post(APPLICATIONS, json=fields, headers=key)

    reply = await client.post(APPLICATIONS, json=fields | {"iban": new_iban()}, headers=key)

    assert reply.status_code == 422
    assert reply.json()["code"] == "idempotency_conflict"


async def test_of_concurrent_repeats_one_takes_effect(journey: Journey) -> None:
    fields, key = form(), {"Idempotency-Key": "form-1"}

    replies = await asyncio.gather(
        *(journey.client.post(APPLICATIONS, json=fields, headers=key) for _ in range(40))
    )

    assert {reply.status_code for reply in replies} == {202}
    assert len({reply.text for reply in replies}) == 1
    assert await journey.redis.zcard("{42500}:leases") == 1


async def test_a_refusal_is_not_remembered(journey: Journey) -> None:
    fields, key = form(), {"Idempotency-Key": "form-1"}
    await journey.set_limit(0)
    assert (await journey.client.post(APPLICATIONS, json=fields, headers=key)).status_code == 503

    await journey.set_limit(1)
    reply = await journey.client.post(APPLICATIONS, json=fields, headers=key)

    assert reply.status_code == 202


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "k" * 256, "a\tb"])
async def test_a_key_that_is_not_visible_ascii_is_malformed(client: httpx.AsyncClient, key: str) -> None:
    reply = await client.post(APPLICATIONS, json=form(), headers={b"idempotency-key": key.encode("latin-1")})

    assert reply.status_code == 400
    assert reply.json()["code"] == "malformed"


async def test_two_keys_are_malformed(client: httpx.AsyncClient) -> None:
    headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]

    reply = await client.post(APPLICATIONS, json=form(), headers=headers)

    assert reply.status_code == 400


async def test_a_key_of_255_characters_is_taken(client: httpx.AsyncClient) -> None:
    reply = await client.post(APPLICATIONS, json=form(), headers={"Idempotency-Key": "~" * 255})

    assert reply.status_code == 202
