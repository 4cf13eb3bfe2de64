import re

import httpx
import msgspec
import pytest

from gateway.domain.application import Application
from gateway.http.problems import MEDIA_TYPE
from tests.integration.http.journey import PROGRAMME, Journey, form, new_iban, new_iin

APPLICATIONS = f"/v1/programmes/{PROGRAMME}/applications"
PRECHECK = f"/v1/programmes/{PROGRAMME}/precheck"

# Month 14 in the date part, and a right check digit.
IIN_WITHOUT_DATE = "901401301009"


async def test_an_application_is_admitted_with_a_receipt(client: httpx.AsyncClient) -> None:
    reply = await client.post(APPLICATIONS, json=form())

    assert reply.status_code == 202
    body = reply.json()
    assert set(body) == {"id", "receipt", "state", "expires_at", "warnings"}
    assert re.fullmatch(r"42500-[a-z2-7]{26}", body["id"])
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", body["receipt"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["expires_at"])
    assert body["state"] == "awaiting_phone"
    assert body["warnings"] == []
    assert reply.headers["location"] == f"/v1/applications/{body['id']}"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-content-type-options"] == "nosniff"


async def test_what_lies_in_redis_opens_with_the_id_only(journey: Journey) -> None:
    fields = form(language="ru")
    application = await journey.submit(**fields)

    sealed = await journey.redis.hget(f"{{42500}}:case:{application.id}", "body")

    assert sealed is not None
    opened = msgspec.msgpack.decode(
        journey.services.ring.unseal(sealed, application.id),
        type=Application,
    )
    assert opened == Application(
        "entrepreneur",
        str(fields["iin"]),
        None,
        "Айгүл Сапарова",
        str(fields["iban"]),
        "aigul@example.kz",
        "ru",
    )


@pytest.mark.parametrize(("language", "word"), [("kk", "ЖСН"), ("ru", "ИИН"), ("en", "IIN")])
@pytest.mark.parametrize("path", [APPLICATIONS, PRECHECK])
async def test_an_iin_without_a_date_is_let_in_with_a_warning(
    client: httpx.AsyncClient, path: str, language: str, word: str
) -> None:
    reply = await client.post(path, json=form(iin=IIN_WITHOUT_DATE), headers={"Accept-Language": language})

    assert reply.is_success, reply.text
    [warning] = reply.json()["warnings"]
    assert warning["code"] == "iin_without_birth_date"
    assert word in warning["message"]
    assert reply.headers["content-language"] == language


async def test_a_precheck_takes_no_slot(journey: Journey) -> None:
    reply = await journey.client.post(PRECHECK, json=form())

    assert reply.status_code == 200
    assert reply.json() == {"valid": True, "warnings": []}
    assert await journey.redis.zcard("{42500}:slots") == 0


async def test_the_language_asked_for_is_taken_when_the_form_names_none(journey: Journey) -> None:
    reply = await journey.client.post(
        APPLICATIONS, json=form(language=...), headers={"Accept-Language": "de, ru;q=0.8, en;q=0.3"}
    )

    application_id = reply.json()["id"]
    sealed = await journey.redis.hget(f"{{42500}}:case:{application_id}", "body")
    opened = msgspec.msgpack.decode(journey.services.ring.unseal(sealed, application_id))
    assert opened["language"] == "ru"


async def test_all_faults_are_told_at_once(client: httpx.AsyncClient) -> None:
    wrong = form(iin="123", iban="KZ00", full_name="", email="nobody", category="king", nickname="Aigul")

    reply = await client.post(APPLICATIONS, json=wrong, headers={"Accept-Language": "en"})

    assert reply.status_code == 422
    problem = reply.json()
    assert problem["code"] == "invalid_application"
    faults = {(error["field"], error["code"]) for error in problem["errors"]}
    assert faults == {
        ("iin", "wrong_length"),
        ("iban", "wrong_length"),
        ("full_name", "required"),
        ("email", "wrong_email"),
        ("category", "unknown_category"),
        ("*", "unknown_field"),
    }
    assert all(error["message"] for error in problem["errors"])
    assert not any(sent in reply.text for sent in ("nickname", "Aigul", "nobody", "king", "KZ00"))


@pytest.mark.parametrize("path", [APPLICATIONS, PRECHECK])
async def test_a_category_that_is_not_open_yet_is_closed(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.post(path, json=form(category="single_aggregate_payer"))

    assert reply.status_code == 422
    assert reply.json()["code"] == "category_closed"


@pytest.mark.parametrize("path", [APPLICATIONS, PRECHECK])
async def test_an_unknown_programme_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.post(path.replace(PROGRAMME, "42501"), json=form())

    assert reply.status_code == 404
    assert reply.headers["content-type"] == MEDIA_TYPE


async def test_a_sixth_candidate_is_told_when_to_come_back(journey: Journey) -> None:
    iin = new_iin()
    for _ in range(5):
        await journey.submit(iin=iin, iban=new_iban())

    reply = await journey.client.post(APPLICATIONS, json=form(iin=iin))

    assert reply.status_code == 429
    assert reply.json()["code"] == "rate_limited"
    assert reply.headers["ratelimit-policy"] == '"candidates";q=5;w=180'
    assert 170 <= int(reply.headers["retry-after"]) <= 182


async def test_a_wrong_form_is_refused_as_wrong_although_the_programme_is_full(journey: Journey) -> None:
    await journey.set_limit(0)

    reply = await journey.client.post(APPLICATIONS, json=form(iban="KZ00125KZT5004100100"))

    assert reply.status_code == 422


async def test_those_who_are_refused_are_not_sent_back_in_the_same_moment(journey: Journey) -> None:
    await journey.set_limit(0)

    replies = [await journey.client.post(APPLICATIONS, json=form()) for _ in range(20)]
    waits = {reply.json()["poll_after_ms"] for reply in replies}

    assert len(waits) > 1
