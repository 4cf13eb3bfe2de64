import json
import time
from typing import Any

import pytest

from config.keys import Keys
from gateway.domain.case import State
from gateway.register.entries import Step
from tests.integration.http.fund import decision, signed, tell
from tests.integration.http.journey import Journey, Submitted, new_iban, new_iin

WINDOW_SECONDS = 300


async def notices(journey: Journey) -> list[str]:
    queued = await journey.redis.zrange("{42500}:sms", 0, -1)
    return [job.decode() for job in queued if job.endswith(b":notice")]


@pytest.mark.parametrize("verdict", ["assigned", "denied"])
async def test_a_decision_is_written_down_and_its_notice_queued(
    journey: Journey, keys: Keys, verdict: str
) -> None:
    application, number = await journey.forwarded()

    reply = await tell(journey, decision(application, number, verdict), keys)

    assert reply.status_code == 204
    assert reply.content == b""
    assert (await journey.status(application))["state"] == verdict
    assert await notices(journey) == [application.id.replace("42500-", "{42500}-") + ":notice"]


async def test_a_repeat_changes_nothing(journey: Journey, keys: Keys) -> None:
    application, number = await journey.forwarded()
    await tell(journey, decision(application, number), keys)
    before = await journey.status(application)

    reply = await tell(journey, decision(application, number, decided_at="2026-11-22T10:00:00+05:00"), keys)

    assert reply.status_code == 204
    assert await journey.status(application) == before
    assert len(await notices(journey)) == 1


async def test_a_repeat_heals_a_crash_between_register_and_redis(journey: Journey, keys: Keys) -> None:
    person = {"iin": new_iin(), "iban": new_iban()}
    application, number = await journey.forwarded(**person)
    await journey.services.journal.decide(application.id, number, State.DENIED, 1, 2, None)
    assert await notices(journey) == []

    reply = await tell(journey, decision(application, number, "denied"), keys)

    assert reply.status_code == 204
    assert len(await notices(journey)) == 1
    assert await journey.accepted(**person)


async def test_whoever_was_denied_may_apply_again_and_whoever_was_assigned_may_not(
    journey: Journey, keys: Keys
) -> None:
    outcomes: dict[str, int] = {}
    for verdict in ("assigned", "denied"):
        person = {"iin": new_iin(), "iban": new_iban()}
        application, number = await journey.forwarded(**person)
        await tell(journey, decision(application, number, verdict), keys)
        second = await journey.submit(**person)
        await journey.give_phone(second, f"+770299900{len(outcomes):02}")
        outcomes[verdict] = (await journey.confirm(second, await journey.code(second))).status_code

    assert outcomes == {"assigned": 409, "denied": 200}


async def test_an_early_decision_waits_for_the_forwarding(journey: Journey, keys: Keys) -> None:
    application, number = await journey.registered()

    replies = [await tell(journey, decision(application, number, "denied"), keys) for _ in range(2)]

    assert [reply.status_code for reply in replies] == [204, 204]
    assert await notices(journey) == []
    assert (await journey.status(application))["state"] == "accepted"
    assert await journey.redis.hget(f"{{42500}}:person:{await person_of(journey, application)}", "winner")


async def person_of(journey: Journey, application: Submitted) -> str:
    person: Any = await journey.redis.hget(f"{{42500}}:case:{application.id}", "person")
    return str(person.decode())


async def test_a_contradicting_decision_is_refused(journey: Journey, keys: Keys) -> None:
    application, number = await journey.forwarded()
    await tell(journey, decision(application, number, "assigned"), keys)

    reply = await tell(journey, decision(application, number, "denied"), keys)

    assert reply.status_code == 409
    assert reply.json()["code"] == "wrong_state"
    assert (await journey.status(application))["state"] == "assigned"


async def test_a_decision_on_a_refused_case_is_refused(journey: Journey, keys: Keys) -> None:
    application, number = await journey.registered()
    entry = await journey.services.journal.get(application.id)
    assert entry is not None
    steps = [Step(State.VERIFYING, entry.accepted_at_ms + 1), Step(State.REFUSED, entry.accepted_at_ms + 2)]
    await journey.services.journal.record(application.id, steps, entry.fence)

    reply = await tell(journey, decision(application, number), keys)

    assert reply.status_code == 409


async def test_a_case_that_is_not_in_the_journal_is_not_found(journey: Journey, keys: Keys) -> None:
    application, number = await journey.registered()
    _, of_another = await journey.registered()
    nobody = Submitted("42500-" + "c" * 26, "")
    of_other_programme = Submitted("42501-" + "c" * 26, "")
    shapeless = Submitted("x", "")

    replies = [
        await tell(journey, decision(one, given), keys)
        for one, given in [
            (nobody, number),
            (of_other_programme, number),
            (shapeless, number),
            (application, of_another),
            (application, "none"),
        ]
    ]

    assert {reply.status_code for reply in replies} == {404}


@pytest.mark.parametrize("shift", [-WINDOW_SECONDS - 5, WINDOW_SECONDS + 5])
async def test_an_old_signature_is_a_replay(journey: Journey, keys: Keys, shift: int) -> None:
    application, number = await journey.forwarded()

    reply = await tell(journey, decision(application, number), keys, int(time.time()) + shift)

    assert reply.status_code == 404
    assert (await journey.status(application))["state"] == "forwarded"


async def test_a_forged_or_missing_signature_is_not_found(journey: Journey, keys: Keys) -> None:
    application, number = await journey.forwarded()
    body = json.dumps(decision(application, number)).encode()
    good = signed(body, keys.webhook)
    other_key = signed(body, b"k" * 32)
    forged: list[dict[str, Any]] = [
        {"Timestamp": good["Timestamp"]},
        {"Signature": good["Signature"]},
        other_key,
        good | {"Timestamp": str(int(good["Timestamp"]) - 1)},
        good | {"Timestamp": "+" + good["Timestamp"]},
        good | {"Timestamp": "9" * 40},
        good | {"Signature": good["Signature"].upper()},
        good | {"Signature": good["Signature"][:-1]},
        good | {"Signature": "é".encode("latin-1") * 64},
        good | {"Signature": ""},
    ]

    replies = [
        await journey.client.post(
            "/v1/decisions", content=body, headers={"Content-Type": "application/json"} | headers
        )
        for headers in forged
    ]

    assert {reply.status_code for reply in replies} == {404}
    assert len({reply.text for reply in replies}) == 1
    assert (await journey.status(application))["state"] == "forwarded"


async def test_a_changed_body_does_not_carry_its_signature(journey: Journey, keys: Keys) -> None:
    application, number = await journey.forwarded()
    headers = signed(json.dumps(decision(application, number, "denied")).encode(), keys.webhook)
    changed = json.dumps(decision(application, number, "assigned")).encode()

    reply = await journey.client.post("/v1/decisions", content=changed, headers=headers)

    assert reply.status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"decision": "forwarded"}, "decision"),
        ({"decision": None}, "decision"),
        ({"decided_at": "yesterday"}, "decided_at"),
        ({"decided_at": "2026-11-21T10:00:00"}, "decided_at"),
        ({"decided_at": 1}, "decided_at"),
        ({"decided_at": "0001-01-01T00:00:00+23:59"}, "decided_at"),
        ({"decided_at": "9999-12-31T23:59:59-23:59"}, "decided_at"),
        ({"reason": ["no"]}, "reason"),
        ({"amount": "42500"}, "*"),
    ],
)
async def test_faults_of_a_signed_decision_are_told(
    journey: Journey, keys: Keys, changes: dict[str, Any], field: str
) -> None:
    application, number = await journey.forwarded()

    reply = await tell(journey, decision(application, number, **changes), keys)

    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == [field]


async def test_a_signed_body_that_is_no_json_is_malformed(journey: Journey, keys: Keys) -> None:
    body = b'{"decision": "assigned", "decision": "denied"}'

    reply = await journey.client.post("/v1/decisions", content=body, headers=signed(body, keys.webhook))

    assert reply.status_code == 400
