import re

import pytest

from gateway.domain.case import State
from gateway.register.entries import Step
from tests.integration.http.journey import Journey, Submitted, new_phone
from tests.integration.http.test_phone import assert_alike


async def test_before_confirmation_nothing_is_due(journey: Journey) -> None:
    application = await journey.submit()

    status = await journey.status(application)

    assert status["id"] == application.id
    assert status["programme"] == "42500"
    assert status["state"] == "awaiting_phone"
    assert status["number"] is None
    assert status["decide_by"] is None
    [step] = status["history"]
    assert step["state"] == "awaiting_phone"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", step["at"])


async def test_an_accepted_case_is_due_at_the_end_of_a_day_in_almaty(journey: Journey) -> None:
    status = await journey.status(await journey.accepted())

    assert status["state"] == "accepted"
    assert [step["state"] for step in status["history"]] == ["awaiting_phone", "accepted"]
    assert status["decide_by"].endswith("T18:59:59.000Z")


async def test_the_register_speaks_once_a_case_is_forwarded(journey: Journey) -> None:
    application, number = await journey.forwarded()

    status = await journey.status(application)
    assert (status["state"], status["number"]) == ("forwarded", number)

    await journey.services.journal.decide(application.id, number, State.ASSIGNED, 1, 2, None)
    status = await journey.status(application)
    assert status["state"] == "assigned"
    assert [step["state"] for step in status["history"]] == [
        "awaiting_phone",
        "accepted",
        "verifying",
        "forwarding",
        "forwarded",
        "assigned",
    ]


async def test_the_register_speaks_when_redis_has_forgotten(journey: Journey) -> None:
    application, _ = await journey.forwarded()
    before = await journey.status(application)
    await journey.redis.delete(f"{{42500}}:case:{application.id}")

    assert await journey.status(application) == before


async def test_a_case_that_came_back_from_parking_is_shown_as_redis_has_it(journey: Journey) -> None:
    application, _ = await journey.registered()
    case = await journey.redis.hgetall(f"{{42500}}:case:{application.id}")
    fence = int(case[b"fence"])
    at_ms = int(case[b"accepted"]) + 1
    await journey.services.journal.record(application.id, [Step(State.VERIFYING, at_ms)], fence)
    await journey.services.journal.park(application.id, at_ms + 1, fence, "unknown", None)

    assert (await journey.status(application))["state"] == "accepted"


async def test_a_wrong_receipt_and_an_unknown_id_answer_alike_wherever_the_case_is(journey: Journey) -> None:
    live, (forwarded, _), (forgotten, _) = (
        await journey.submit(),
        await journey.forwarded(),
        await journey.forwarded(),
    )
    await journey.redis.delete(f"{{42500}}:case:{forgotten.id}")
    receipt = (await journey.submit()).receipt
    ids = [live.id, forwarded.id, forgotten.id, "42500-" + "b" * 26, "42500", "a-b", "42501-" + "b" * 26]

    replies = [
        await journey.client.get(f"/v1/applications/{one}", headers=Submitted(one, receipt).bearer)
        for one in ids
    ]

    assert_alike(replies)


@pytest.mark.parametrize("suffix", ["%00", "%0A", "%20", "A", "%D0%B0", "%F0%9F%98%80", "%ff"])
async def test_an_id_of_another_shape_is_not_found(journey: Journey, suffix: str) -> None:
    application = await journey.submit()

    reply = await journey.client.get(f"/v1/applications/{application.id}{suffix}", headers=application.bearer)

    assert reply.status_code == 404


async def test_a_lapsed_application_says_so(journey: Journey) -> None:
    application = await journey.submit()
    await journey.let_pass(180_000)
    await journey.give_phone(application, new_phone())

    status = await journey.status(application)

    assert status["state"] == "lapsed"
    assert [step["state"] for step in status["history"]] == ["awaiting_phone", "lapsed"]
