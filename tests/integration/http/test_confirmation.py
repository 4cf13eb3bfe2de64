import asyncio
from datetime import datetime

import pytest

from tests.integration.http.journey import Journey, Submitted, new_iban, new_iin, new_phone, wrong

CODE_MS = 600_000


async def test_the_right_code_accepts_and_queues_the_case(journey: Journey) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())

    reply = await journey.confirm(application, await journey.code(application))

    assert reply.status_code == 200
    assert reply.json() == {"id": application.id, "state": "accepted"}
    job = application.id.replace("42500-", "{42500}-")
    assert await journey.redis.zscore("{42500}:cases", job) is not None


async def test_the_same_code_again_brings_the_same_answer(journey: Journey) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)

    replies = await asyncio.gather(*(journey.confirm(application, code) for _ in range(10)))

    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.text for reply in replies}) == 1
    assert await journey.redis.hget("{42500}:door", "accepted") == b"1"


async def test_a_wrong_code_says_how_many_tries_are_left(journey: Journey) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)

    left = [(await journey.confirm(application, wrong(code))).json()["attempts_left"] for _ in range(5)]

    assert left == [4, 3, 2, 1, 0]


async def test_after_five_wrong_codes_the_right_one_is_locked_out(journey: Journey) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)
    for _ in range(5):
        assert (await journey.confirm(application, wrong(code))).json()["code"] == "code_wrong"

    reply = await journey.confirm(application, code)

    assert reply.status_code == 429
    problem = reply.json()
    assert problem["code"] == "code_locked"
    assert problem["locked_until"].endswith("Z")
    assert datetime.fromisoformat(problem["locked_until"]).tzinfo is not None
    assert int(reply.headers["retry-after"]) > 0
    assert reply.headers["ratelimit-policy"] == '"tries";q=5;w=86400'


async def test_of_many_guesses_at_once_five_count(journey: Journey) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)

    replies = await asyncio.gather(*(journey.confirm(application, wrong(code)) for _ in range(30)))

    assert sorted(reply.json()["code"] for reply in replies) == [*["code_locked"] * 25, *["code_wrong"] * 5]


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("12345", "wrong_length"),
        ("1234567", "wrong_length"),
        ("", "not_digits"),
        ("12345a", "not_digits"),
        ("１２３４５６", "not_digits"),
        ("٤٤٤٤٤٤", "not_digits"),
        ("123456\n", "not_digits"),
        (123456, "wrong_type"),
        (None, "required"),
    ],
)
async def test_what_is_no_code_of_six_digits_counts_as_no_try(
    journey: Journey, code: object, fault: str
) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())

    reply = await journey.client.post(
        f"/v1/applications/{application.id}/confirmation", json={"code": code}, headers=application.bearer
    )

    assert reply.status_code == 422
    assert [(error["field"], error["code"]) for error in reply.json()["errors"]] == [("code", fault)]
    right = await journey.code(application)
    assert (await journey.confirm(application, wrong(right))).json()["attempts_left"] == 4


async def test_a_code_expires_with_its_lease(journey: Journey) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)
    await journey.let_pass(CODE_MS)

    reply = await journey.confirm(application, code)

    assert reply.status_code == 410
    assert reply.json()["code"] == "code_expired"
    assert (await journey.status(application))["state"] == "lapsed"


async def test_there_is_nothing_to_confirm_before_a_phone_is_given(journey: Journey) -> None:
    reply = await journey.confirm(await journey.submit(), "123456")

    assert reply.status_code == 409
    assert reply.json()["code"] == "wrong_state"


async def test_the_second_candidate_hears_that_the_person_has_applied(journey: Journey) -> None:
    iin = new_iin()
    first, second = [await journey.submit(iin=iin, iban=new_iban()) for _ in range(2)]
    for candidate in (first, second):
        await journey.give_phone(candidate, new_phone())
    code = await journey.code(second)
    assert (await journey.confirm(first, await journey.code(first))).status_code == 200

    undecided = await journey.confirm(second, code)
    await journey.prove(first)
    reply = await journey.confirm(second, code)

    # Until it is known whose the first one's phone is, this one is asked to come back.
    assert (undecided.status_code, undecided.json()["code"]) == (409, "already_applied")
    assert undecided.json()["detail"] == journey.services.texts.get("kk", "problem.already_applied.asking")
    assert int(undecided.headers["retry-after"]) >= 10
    assert "retry-after" not in reply.headers
    assert reply.status_code == 409
    assert reply.json()["code"] == "already_applied"


async def test_a_fourth_person_cannot_use_the_same_phone(journey: Journey) -> None:
    phone = new_phone()
    for _ in range(3):
        await journey.accepted(phone)
    fourth = await journey.submit()
    await journey.give_phone(fourth, phone)

    reply = await journey.confirm(fourth, await journey.code(fourth))

    assert reply.status_code == 422
    assert reply.json()["code"] == "invalid_application"
    [error] = reply.json()["errors"]
    assert (error["field"], error["code"]) == ("phone", "phone_spent")
    assert error["message"]


async def test_whoever_lost_the_slot_while_all_are_taken_hears_full(journey: Journey) -> None:
    await journey.set_limit(1)
    person = {"iin": new_iin(), "iban": new_iban()}
    first = await journey.accepted(**person)
    second = await journey.submit(**person)
    await journey.give_phone(second, new_phone())
    code = await journey.code(second)
    await journey.deny(first)
    await journey.submit()

    reply = await journey.confirm(second, code)

    assert reply.status_code == 503
    assert reply.json()["code"] == "full"
    assert reply.json()["detail"] == journey.services.texts.get("kk", "problem.full.confirming")
    assert int(reply.headers["retry-after"]) >= 10


async def test_another_receipt_does_not_confirm(journey: Journey) -> None:
    application = await journey.submit()
    await journey.give_phone(application, new_phone())
    code = await journey.code(application)

    reply = await journey.confirm(Submitted(application.id, (await journey.submit()).receipt), code)

    assert reply.status_code == 404
