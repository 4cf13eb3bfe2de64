"""What people and clients hear while the programme is steered."""

from typing import Any

import httpx
import pytest

from gateway.domain.controls import Mode
from gateway.http.eta import SPAN_MS
from gateway.http.refusals import ProblemCode
from gateway.inflight.steering import change_controls
from tests.integration.http.journey import FILE, LANGUAGES, PROGRAMME, Journey, form, new_phone
from tests.integration.http.waiting import APPLICATIONS, LEASE_MS, WINDOW_MS, WaitingRoom

FACTS = f"/v1/programmes/{PROGRAMME}"
MESSAGES = {
    "message_kk": "Қабылдау сағат 14:00-де жалғасады.",
    "message_ru": "Приём продолжится в 14:00.",
    "message_en": "We go on at 14:00.",
}
HELD, SHUT = ["hold", "drain", "closed"], ["drain", "closed"]


@pytest.fixture
def room(journey: Journey) -> WaitingRoom:
    return WaitingRoom(journey)


async def facts(journey: Journey, language: str = "kk") -> dict[str, Any]:
    reply = await journey.client.get(FACTS, headers={"Accept-Language": language})
    found: dict[str, Any] = reply.json()
    return found


def is_closed(reply: httpx.Response) -> bool:
    return (reply.status_code, reply.json()["code"]) == (503, ProblemCode.PROGRAMME_CLOSED)


@pytest.mark.parametrize("mode", SHUT)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_newcomer_is_told_why_and_when_to_ask_again(
    journey: Journey, mode: str, language: str
) -> None:
    await journey.steer(mode=mode, **MESSAGES)

    reply = await journey.client.post(APPLICATIONS, json=form(), headers={"Accept-Language": language})

    assert is_closed(reply)
    assert reply.json()["message"] == MESSAGES[f"message_{language}"]
    assert reply.headers["content-language"] == language
    assert 60 <= int(reply.headers["retry-after"]) <= 180
    assert "ticket" not in reply.json()


async def test_what_redis_says_counts_before_the_gateway_has_heard_of_it(journey: Journey) -> None:
    await change_controls(journey.services.store, FILE, {"mode": "closed", **MESSAGES}, {})

    reply = await journey.client.post(APPLICATIONS, json=form(), headers={"Accept-Language": "en"})

    assert is_closed(reply)
    assert reply.json()["message"] in (MESSAGES["message_en"], reply.json()["detail"])


@pytest.mark.parametrize("mode", HELD)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_facts_and_polls_say_the_mode_and_why(
    journey: Journey, room: WaitingRoom, mode: str, language: str
) -> None:
    await room.fill()
    ticket = (await room.queue())["ticket"]
    await journey.steer(mode=mode, **MESSAGES)

    headers = {"Waiting-Ticket": ticket, "Accept-Language": language}
    poll = await journey.client.get("/v1/waiting-room", headers=headers)

    told = await facts(journey, language)
    for answer in (poll.json(), told):
        assert (answer["mode"], answer["message"]) == (mode, MESSAGES[f"message_{language}"])
        assert (answer["eta_seconds"], answer["eta_p90_seconds"]) == (None, None)
    assert poll.headers["content-language"] == language
    assert (poll.json()["state"], poll.json()["position"]) == ("waiting", 1)


@pytest.mark.parametrize("mode", ["open", "line_for_all"])
async def test_there_is_no_message_while_people_are_called(
    journey: Journey, room: WaitingRoom, mode: str
) -> None:
    await room.fill()
    ticket = (await room.queue())["ticket"]
    await journey.steer(mode=mode, **MESSAGES)

    for answer in (await room.poll(ticket), await facts(journey), await room.queue()):
        assert "message" not in answer
    assert (await facts(journey))["mode"] == mode


async def test_while_held_a_newcomer_gets_a_ticket_and_the_message(
    journey: Journey, room: WaitingRoom
) -> None:
    await journey.steer(mode="hold", **MESSAGES)

    answer = await room.queue()

    assert (answer["position"], answer["message"]) == (1, MESSAGES["message_kk"])
    assert (await room.poll(answer["ticket"]))["state"] == "waiting"


async def test_in_a_line_for_all_a_newcomer_gets_a_ticket_and_is_called(
    journey: Journey, room: WaitingRoom
) -> None:
    await journey.steer(mode="line_for_all")
    fields = form()

    ticket = (await room.queue(fields))["ticket"]
    await room.keeper.refresh()

    assert (await room.poll(ticket))["state"] == "called"
    assert (await room.send(fields, ticket)).status_code == 202


@pytest.mark.parametrize("mode", SHUT)
async def test_who_waits_keeps_the_place_through_a_pause(
    journey: Journey, room: WaitingRoom, mode: str
) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    await journey.steer(mode=mode, **MESSAGES)

    assert is_closed(await room.send(fields, ticket))
    assert is_closed(await room.send(fields))
    await room.pass_time(LEASE_MS)
    assert (await room.poll(ticket))["state"] == "waiting"

    await journey.steer(mode="open")
    assert (await room.poll(ticket))["state"] == "called"
    assert (await room.send(fields, ticket)).status_code == 202


@pytest.mark.parametrize("mode", HELD)
async def test_the_called_may_come_unless_it_is_closed(
    journey: Journey, room: WaitingRoom, mode: str
) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    await room.pass_time(LEASE_MS)
    await journey.steer(mode=mode, **MESSAGES)

    poll, reply = await room.poll(ticket), await room.send(fields, ticket)

    assert poll["state"] == "called"
    assert (poll["claim_before"] is None) == (mode == "closed")
    assert is_closed(reply) if mode == "closed" else reply.status_code == 202


async def test_a_window_begins_anew_when_a_closed_programme_opens(
    journey: Journey, room: WaitingRoom
) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    await room.pass_time(LEASE_MS)
    await journey.steer(mode="closed", **MESSAGES)
    await room.pass_time(100 * WINDOW_MS)

    await journey.steer(mode="open")

    poll = await room.poll(ticket)
    assert (poll["state"], poll["mode"]) == ("called", "open")
    assert poll["claim_before"] is not None
    assert (await room.send(fields, ticket)).status_code == 202


@pytest.mark.parametrize("mode", ["line_for_all", *HELD])
async def test_whoever_has_a_slot_goes_on(journey: Journey, mode: str) -> None:
    fields, key = form(), {"Idempotency-Key": "key"}
    first = await journey.client.post(APPLICATIONS, json=fields, headers=key)
    application = await journey.submit()
    await journey.steer(mode=mode, **MESSAGES)

    again = await journey.client.post(APPLICATIONS, json=fields, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert (await journey.client.post(APPLICATIONS, json=fields)).status_code == 202
    assert (await journey.give_phone(application, new_phone())).status_code == 202
    assert (await journey.confirm(application, await journey.code(application))).status_code == 200
    assert (await journey.status(application))["state"] == "accepted"


@pytest.mark.parametrize(
    ("mode", "shortest_ms", "longest_ms"),
    [
        (Mode.OPEN, 1_600, 2_000),
        (Mode.HOLD, 8_000, 10_000),
        (Mode.DRAIN, 8_000, 10_000),
        (Mode.CLOSED, 8_000, 10_000),
    ],
)
async def test_in_a_pause_whoever_waits_asks_seldom_and_within_a_window(
    journey: Journey, room: WaitingRoom, mode: Mode, shortest_ms: int, longest_ms: int
) -> None:
    await room.fill()
    ticket = (await room.queue())["ticket"]
    await journey.steer(mode=mode.value, **MESSAGES)

    pauses = [(await room.poll(ticket))["poll_after_ms"] for _ in range(50)]

    assert shortest_ms <= min(pauses) < max(pauses) <= longest_ms


@pytest.mark.parametrize("mode", HELD)
async def test_in_a_pause_no_time_is_promised(journey: Journey, room: WaitingRoom, mode: str) -> None:
    await journey.set_limit(0)
    tickets = [(await room.queue())["ticket"] for _ in range(3)]
    await room.pass_time(SPAN_MS)
    await journey.set_limit(1)
    await room.pass_time(SPAN_MS)
    assert (await room.poll(tickets[2]))["eta_seconds"] is not None

    await journey.steer(mode=mode, **MESSAGES)

    called, *waiting = [await room.poll(ticket) for ticket in tickets]
    assert called["state"] == "called"
    assert called["eta_seconds"] == (None if mode == "closed" else 0)
    for answer in (*waiting, await facts(journey)):
        assert (answer["eta_seconds"], answer["eta_p90_seconds"]) == (None, None)


async def test_a_newcomer_to_a_line_for_all_is_not_promised_a_slot_at_once(journey: Journey) -> None:
    await journey.steer(mode="line_for_all")

    assert (await facts(journey))["eta_seconds"] is None


@pytest.mark.parametrize("opens", [True, False])
async def test_an_operator_opens_and_closes_a_category(journey: Journey, opens: bool) -> None:  # noqa: FBT001 - Parametrized.
    category = "single_aggregate_payer" if opens else "entrepreneur"
    await journey.steer(**{f"category_{category}_open": opens})

    reply = await journey.client.post(APPLICATIONS, json=form(category=category))
    precheck = await journey.client.post(f"{FACTS}/precheck", json=form(category=category))

    told = {one["name"]: one["open"] for one in (await facts(journey))["categories"]}
    assert told[category] is opens
    assert (reply.status_code, precheck.status_code) == ((202, 200) if opens else (422, 422))


async def test_facts_follow_the_limit(journey: Journey) -> None:
    await journey.steer(limit=18_000)
    assert (await facts(journey))["limit"] == 18_000

    await journey.steer(limit=None)
    assert (await facts(journey))["limit"] == 25_000


async def test_a_refused_address_hears_the_limit_in_force_and_no_longer_than_it_is(journey: Journey) -> None:
    await journey.steer(address_count=1, address_window_seconds=3_600)
    await journey.submit()
    refused = [await journey.client.post(APPLICATIONS, json=form()) for _ in range(2)]

    assert [one.status_code for one in refused] == [429, 429]
    assert refused[0].headers["ratelimit-policy"] == '"address";q=1;w=3600'
    await journey.steer(address_shadow=True)
    assert (await journey.client.post(APPLICATIONS, json=form())).status_code == 202
    await journey.steer(address_shadow=None, address_count=None, address_window_seconds=None)
    assert (await journey.client.post(APPLICATIONS, json=form())).status_code == 202
