import asyncio

import pytest

from tests.integration.http.journey import Journey, Submitted, new_phone, wrong
from tests.integration.http.lost_receipts import UNKNOWN, ask, sent_code

RESEND_MS = 60_000


async def test_a_lost_receipt_is_had_again(journey: Journey) -> None:
    phone = new_phone()
    application, number = await journey.registered(phone)
    reply = await ask(journey, number, phone)
    assert reply.status_code == 202
    assert reply.json() == {"resend_after_seconds": 60, "attempts_left": 5}

    reply = await ask(journey, number, phone, code=await sent_code(journey, number, phone))

    assert reply.status_code == 200
    assert reply.json()["id"] == application.id
    again = Submitted(application.id, reply.json()["receipt"])
    assert (await journey.status(again))["state"] == "accepted"
    old = await journey.client.get(f"/v1/applications/{application.id}", headers=application.bearer)
    assert old.status_code == 404


async def test_a_case_that_has_left_redis_gets_a_new_receipt_too(journey: Journey) -> None:
    phone = new_phone()
    application, number = await journey.forwarded(phone)
    await journey.redis.delete(f"{{42500}}:case:{application.id}")
    await ask(journey, number, phone)

    reply = await ask(journey, number, phone, code=await sent_code(journey, number, phone))

    again = Submitted(application.id, reply.json()["receipt"])
    assert (await journey.status(again))["state"] == "forwarded"


async def test_neither_step_tells_whether_a_number_exists(journey: Journey) -> None:
    phone = new_phone()
    _, number = await journey.registered(phone)
    _, of_another = await journey.registered()

    for known in (number, of_another, UNKNOWN):
        reply = await ask(journey, known, phone)
        assert (reply.status_code, reply.json()) == (202, {"resend_after_seconds": 60, "attempts_left": 5})
    codes = {known: await sent_code(journey, known, phone) for known in (number, of_another, UNKNOWN)}
    replies = [await ask(journey, known, phone, code=wrong(code)) for known, code in codes.items()]

    assert {reply.status_code for reply in replies} == {422}
    assert len({reply.text for reply in replies}) == 1
    assert replies[0].json()["attempts_left"] == 4


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_code_that_was_never_sent_answers_like_a_wrong_one(
    journey: Journey, *, is_known: bool
) -> None:
    number = (await journey.registered())[1] if is_known else UNKNOWN
    phone = new_phone()
    await ask(journey, number, phone)

    reply = await ask(journey, number, phone, code=await sent_code(journey, number, phone))

    assert reply.status_code == 422
    assert reply.json()["code"] == "code_wrong"
    assert reply.json()["attempts_left"] == 4


async def test_a_right_code_counts_once(journey: Journey) -> None:
    phone = new_phone()
    _, number = await journey.registered(phone)
    await ask(journey, number, phone)
    code = await sent_code(journey, number, phone)

    replies = await asyncio.gather(*(ask(journey, number, phone, code=code) for _ in range(5)))

    assert sorted(reply.status_code for reply in replies) == [200, 410, 410, 410, 410]


async def test_five_wrong_codes_lock_known_and_unknown_alike(journey: Journey) -> None:
    phone = new_phone()
    _, number = await journey.registered(phone)
    answers = []
    for asked in (number, UNKNOWN):
        await ask(journey, asked, phone)
        code = wrong(await sent_code(journey, asked, phone))
        replies = [await ask(journey, asked, phone, code=code) for _ in range(6)]
        again = await ask(journey, asked, phone)
        answers.append([(reply.status_code, reply.json()["code"]) for reply in (*replies, again)])

    assert answers[0] == answers[1] == [*[(422, "code_wrong")] * 5, *[(429, "code_locked")] * 2]


async def test_asking_again_must_wait_and_ends_after_five(journey: Journey) -> None:
    phone = new_phone()
    await ask(journey, UNKNOWN, phone)
    soon = await ask(journey, UNKNOWN, phone)
    assert (soon.status_code, soon.json()["code"]) == (429, "rate_limited")
    assert int(soon.headers["retry-after"]) >= 59
    for _ in range(4):
        await journey.let_pass(RESEND_MS)
        assert (await ask(journey, UNKNOWN, phone)).status_code == 202
    await journey.let_pass(RESEND_MS)

    reply = await ask(journey, UNKNOWN, phone)

    assert reply.json()["code"] == "rate_limited"
    assert reply.headers["ratelimit-policy"] == '"phone";q=5;w=86400'


async def test_a_code_nobody_asked_for_has_expired(journey: Journey) -> None:
    reply = await ask(journey, UNKNOWN, new_phone(), code="123456")

    assert reply.status_code == 410
    assert reply.json()["code"] == "code_expired"


async def test_faults_are_told_by_field(journey: Journey) -> None:
    reply = await ask(journey, "42500-26-1", "+1 202 555 0100", code="12", iin="900101390012")

    assert {(error["field"], error["code"]) for error in reply.json()["errors"]} == {
        ("number", "wrong_structure"),
        ("phone", "not_a_mobile"),
        ("code", "wrong_length"),
        ("*", "unknown_field"),
    }


@pytest.mark.parametrize(
    "number", ["42501-2026-0000001", "42500-2026-0000001\n", "42500-2026-٠٠٠٠٠٠١", "", 7]
)
async def test_what_is_no_number_of_ours_is_a_fault(journey: Journey, number: object) -> None:
    reply = await ask(journey, number, new_phone())

    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["number"]
