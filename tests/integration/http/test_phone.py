import asyncio
import re

import httpx
import pytest

from tests.integration.http.journey import Journey, Submitted, new_iban, new_iin, new_phone, wrong

# Longer than a minute, shorter than the ten of a code.
RESEND_MS = 60_000


async def test_a_code_is_sent_to_the_phone(journey: Journey) -> None:
    application = await journey.submit()

    reply = await journey.give_phone(application, "8 (701) 123-45-67")

    assert reply.status_code == 202
    assert reply.json() == {"resend_after_seconds": 60, "attempts_left": 5}
    phone, text = await journey.message(application)
    assert phone == "+77011234567"
    assert re.search(r"\b\d{6}\b", text)


@pytest.mark.parametrize(("language", "word"), [("kk", "Растау"), ("ru", "Код"), ("en", "Your code")])
async def test_the_sms_speaks_the_language_asked_for(journey: Journey, language: str, word: str) -> None:
    application = await journey.submit()

    await journey.give_phone(application, new_phone(), **{"Accept-Language": language})

    _, text = await journey.message(application)
    assert word in text


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("+79261234567", "not_a_mobile"),
        ("+7717212345", "wrong_length"),
        ("+7 701 123 45 6٧", "wrong_characters"),
        ("+77011234567\n", "wrong_characters"),
        ("", "wrong_length"),
        (77011234567, "wrong_type"),
        (None, "required"),
    ],
)
async def test_a_phone_that_is_no_kazakh_mobile_is_a_fault(
    journey: Journey, phone: object, code: str
) -> None:
    application = await journey.submit()

    reply = await journey.client.post(
        f"/v1/applications/{application.id}/phone", json={"phone": phone}, headers=application.bearer
    )

    assert reply.status_code == 422
    assert [(error["field"], error["code"]) for error in reply.json()["errors"]] == [("phone", code)]


async def test_an_unknown_field_beside_the_phone_is_a_fault(journey: Journey) -> None:
    application = await journey.submit()

    reply = await journey.client.post(
        f"/v1/applications/{application.id}/phone",
        json={"phone": new_phone(), "iin": "900101390012"},
        headers=application.bearer,
    )

    assert [(error["field"], error["code"]) for error in reply.json()["errors"]] == [("*", "unknown_field")]


async def test_a_second_code_must_wait(journey: Journey) -> None:
    application, phone = await journey.submit(), new_phone()
    await journey.give_phone(application, phone)

    reply = await journey.give_phone(application, phone)

    assert reply.status_code == 429
    assert reply.json()["code"] == "rate_limited"
    assert reply.headers["ratelimit-policy"] == '"resend";q=1;w=60'
    assert re.fullmatch(r'"resend";r=0;t=(59|60)', reply.headers["ratelimit"])
    assert 59 <= int(reply.headers["retry-after"]) <= 62


async def test_a_second_code_replaces_the_first(journey: Journey) -> None:
    application, phone = await journey.submit(), new_phone()
    await journey.give_phone(application, phone)
    first = await journey.code(application)
    await journey.let_pass(RESEND_MS)
    assert (await journey.give_phone(application, phone)).status_code == 202
    second = await journey.code(application)

    if first != second:
        assert (await journey.confirm(application, first)).json()["code"] == "code_wrong"
    assert (await journey.confirm(application, second)).status_code == 200


async def test_a_phone_gets_five_codes_a_day(journey: Journey) -> None:
    phone = new_phone()
    for _ in range(5):
        assert (await journey.give_phone(await journey.submit(), phone)).status_code == 202

    reply = await journey.give_phone(await journey.submit(), phone)

    assert reply.status_code == 429
    assert reply.json()["code"] == "rate_limited"
    assert reply.headers["ratelimit-policy"] == '"phone";q=5;w=86400'


async def test_the_phone_may_be_changed_twice(journey: Journey) -> None:
    application = await journey.submit()
    for _ in range(3):
        assert (await journey.give_phone(application, new_phone())).status_code == 202

    reply = await journey.give_phone(application, new_phone())

    assert reply.status_code == 409
    assert reply.json()["code"] == "wrong_state"


async def test_no_phone_is_taken_after_confirmation(journey: Journey) -> None:
    application = await journey.accepted()

    reply = await journey.give_phone(application, new_phone())

    assert reply.status_code == 409
    assert reply.json()["code"] == "wrong_state"


async def test_a_new_code_does_not_give_new_tries(journey: Journey) -> None:
    application, phone = await journey.submit(), new_phone()
    await journey.give_phone(application, phone)
    code = await journey.code(application)
    for _ in range(4):
        await journey.confirm(application, wrong(code))
    await journey.let_pass(RESEND_MS)

    reply = await journey.give_phone(application, phone)

    assert reply.json()["attempts_left"] == 1


async def test_no_code_is_sent_to_whoever_is_locked(journey: Journey) -> None:
    application, phone = await journey.submit(), new_phone()
    await journey.give_phone(application, phone)
    code = await journey.code(application)
    for _ in range(5):
        await journey.confirm(application, wrong(code))
    await journey.let_pass(RESEND_MS)

    reply = await journey.give_phone(application, phone)

    assert reply.status_code == 429
    assert reply.json()["code"] == "code_locked"


async def test_concurrent_calls_send_one_code(journey: Journey) -> None:
    application, phone = await journey.submit(), new_phone()

    replies = await asyncio.gather(*(journey.give_phone(application, phone) for _ in range(10)))

    assert sorted(reply.status_code for reply in replies) == [202, *[429] * 9]


async def test_a_wrong_receipt_and_an_unknown_id_answer_alike(journey: Journey) -> None:
    application = await journey.submit()
    stranger = Submitted(application.id, (await journey.submit()).receipt)
    unknown = Submitted("42500-" + "a" * 26, application.receipt)
    nameless = Submitted("42501-" + "a" * 26, application.receipt)
    shapeless = Submitted("..%2f", application.receipt)

    replies = [
        await journey.give_phone(claimed, new_phone()) for claimed in (stranger, unknown, nameless, shapeless)
    ]

    assert_alike(replies)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic {}", "Bearer {}x", "{}", "Bearer {} {}"])
async def test_a_receipt_that_is_none_is_not_found(journey: Journey, authorization: str) -> None:
    application = await journey.submit()
    value = authorization.format(application.receipt, application.receipt)

    reply = await journey.client.post(
        f"/v1/applications/{application.id}/phone",
        json={"phone": new_phone()},
        headers={"Authorization": value},
    )

    assert reply.status_code == 404


async def test_of_two_candidates_neither_can_use_the_others_receipt(journey: Journey) -> None:
    iin = new_iin()
    first = await journey.submit(iin=iin, iban=new_iban())
    second = await journey.submit(iin=iin, iban=new_iban())

    reply = await journey.give_phone(Submitted(first.id, second.receipt), new_phone())

    assert reply.status_code == 404


def assert_alike(replies: list[httpx.Response]) -> None:
    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.text for reply in replies}) == 1
    assert len({frozenset(reply.headers.items()) for reply in replies}) == 1
