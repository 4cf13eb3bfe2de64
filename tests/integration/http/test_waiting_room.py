import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from config.keys import Keys
from gateway.domain.tickets import write_ticket
from gateway.sealing import KeyRing
from tests.integration.http.journey import Journey, form, new_iban
from tests.integration.http.waiting import FRONT_ROW_MS, LEASE_MS, ROOM, WINDOW_MS, WaitingRoom

OLD, NEW, LOOKUP, WEBHOOK = (bytes([number]) * 32 for number in (1, 2, 3, 4))
MEMBERS = {"ticket", "position", "eta_seconds", "eta_p90_seconds", "poll_after_ms"}


@pytest.fixture
def keys() -> Keys:
    return Keys({1: OLD, 2: NEW}, 2, LOOKUP, WEBHOOK)


@pytest.fixture
def room(journey: Journey) -> WaitingRoom:
    return WaitingRoom(journey)


def check_refused(reply: httpx.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json()["code"]) == (status, code), reply.text


async def test_whoever_finds_no_slot_gets_a_place(room: WaitingRoom) -> None:
    await room.fill(3)

    reply = await room.send(form())

    check_refused(reply, 503, "full")
    answer = reply.json()
    assert answer.keys() >= MEMBERS
    assert answer["position"] == 1
    assert (answer["eta_seconds"], answer["eta_p90_seconds"]) == (None, None)
    assert 1_600 <= answer["poll_after_ms"] <= 2_000
    assert 2 <= int(reply.headers["retry-after"]) <= 4
    assert (await room.queue())["position"] == 2


async def test_the_same_data_find_the_same_place_and_another_iban_another(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()

    first, again = await room.queue(fields), await room.queue(fields)
    other = await room.queue({**fields, "iban": new_iban()})

    assert (again["ticket"], again["position"]) == (first["ticket"], first["position"])
    assert other["ticket"] != first["ticket"]
    assert other["position"] == 2


async def test_wrong_data_get_no_place(room: WaitingRoom) -> None:
    await room.fill()

    check_refused(await room.send(form(iin="1")), 422, "invalid_application")

    assert (await room.queue())["position"] == 1


async def test_a_ticket_names_nobody(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()

    ticket = (await room.queue(fields))["ticket"]

    assert str(fields["iin"]) not in ticket
    assert room.read(ticket).person == room.journey.services.ring.person("42500", str(fields["iin"]))[:16]


def changed(room: WaitingRoom, text: str, what: str) -> str:
    ticket, ring = room.read(text), room.journey.services.ring
    match what:
        case "edited":
            return text[:20] + ("A" if text[20] != "A" else "B") + text[21:]
        case "forged":
            return write_ticket(ticket, KeyRing({2: OLD}, 2, LOOKUP).sign)
        case "of another programme":
            return write_ticket(msgspec.structs.replace(ticket, programme="tiny"), ring.sign)
        case "of another line":
            place = msgspec.structs.replace(ticket.place, epoch=ticket.place.epoch + 1)
            return write_ticket(msgspec.structs.replace(ticket, place=place), ring.sign)
    return what


@pytest.mark.parametrize(
    "what",
    [
        "edited",
        "forged",
        "of another programme",
        "of another line",
        "",
        "x",
        "42500." + "A" * 300,
    ],
)
async def test_a_ticket_that_is_none_is_refused(room: WaitingRoom, what: str) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]

    check_refused(await room.send(fields, changed(room, ticket, what)), 422, "ticket_invalid")
    check_refused(await room.ask(changed(room, ticket, what)), 422, "ticket_invalid")
    assert (await room.queue(fields))["ticket"] == ticket


async def test_a_number_that_was_never_given_is_refused(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = room.read((await room.queue(fields))["ticket"])
    place = msgspec.structs.replace(ticket.place, number=1_000)

    text = write_ticket(msgspec.structs.replace(ticket, place=place), room.journey.services.ring.sign)

    check_refused(await room.send(fields, text), 422, "ticket_invalid")


async def test_a_ticket_sent_twice_or_not_at_all_is_refused(room: WaitingRoom) -> None:
    await room.fill()
    ticket = (await room.queue())["ticket"]
    twice = [("Waiting-Ticket", ticket), ("Waiting-Ticket", ticket)]

    check_refused(await room.journey.client.get(ROOM, headers=twice), 422, "ticket_invalid")
    check_refused(await room.ask(None), 422, "ticket_invalid")


async def test_a_strangers_ticket_is_refused_and_stays_its_owners(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    await room.pass_time(LEASE_MS)

    check_refused(await room.send(form(), ticket), 422, "ticket_invalid")

    assert (await room.poll(ticket))["state"] == "called"
    assert (await room.send(fields, ticket)).status_code == 202


async def test_a_claim_before_the_call_changes_nothing(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]

    early = await room.send(fields, ticket)
    await room.keeper.refresh()

    check_refused(early, 409, "ticket_not_called")
    assert 2 <= int(early.headers["retry-after"]) <= 4
    answer = await room.poll(ticket)
    assert (answer["state"], answer["position"], answer["ticket"]) == ("waiting", 1, ticket)


async def test_whoever_is_called_claims_the_slot(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    assert (await room.poll(ticket))["claim_before"] is None

    await room.pass_time(LEASE_MS)
    called = await room.poll(ticket)

    assert called.keys() == {"state", "mode", "claim_before", *MEMBERS}
    assert (called["state"], called["mode"], called["position"]) == ("called", "open", 0)
    assert (called["eta_seconds"], called["poll_after_ms"]) == (0, 2_000)
    summary = room.keeper.current()
    left = datetime.fromisoformat(called["claim_before"]) - datetime.fromtimestamp(summary.at_ms / 1000, UTC)
    assert timedelta(seconds=15) < left <= timedelta(seconds=21)
    assert (await room.send(form(), None)).status_code == 503
    assert (await room.send(fields, ticket)).status_code == 202
    await room.keeper.refresh()
    claimed = await room.poll(ticket)
    assert (claimed["state"], claimed["claim_before"], claimed["eta_seconds"]) == ("claimed", None, None)


async def test_the_same_claim_again_brings_an_application_and_no_second_slot(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    await room.pass_time(LEASE_MS)

    replies = [await room.send(fields, ticket) for _ in range(2)]
    await room.keeper.refresh()

    assert [reply.status_code for reply in replies] == [202, 202]
    assert room.keeper.current().live == 1


async def test_whoever_misses_finds_a_free_slot(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    await room.pass_time(LEASE_MS)

    await room.pass_time(WINDOW_MS)

    assert (await room.poll(ticket))["state"] == "missed"
    assert (await room.send(fields, ticket)).status_code == 202


async def test_whoever_misses_and_finds_no_slot_is_served_before_the_line(room: WaitingRoom) -> None:
    late, ticket, next_one, next_ticket = await room.missed()
    behind = (await room.queue())["ticket"]

    front = await room.queue(late, ticket)

    assert room.read(front["ticket"]).place.lane == 1
    assert (await room.queue(late, ticket))["ticket"] == front["ticket"]
    assert (await room.send(next_one, next_ticket)).status_code == 202
    await room.keeper.refresh()
    assert [(await room.poll(one))["position"] for one in (front["ticket"], behind)] == [1, 2]
    await room.pass_time(LEASE_MS)
    assert [(await room.poll(one))["state"] for one in (front["ticket"], behind)] == ["called", "waiting"]
    assert (await room.send(late, front["ticket"])).status_code == 202


async def test_whoever_misses_twice_has_to_start_again(room: WaitingRoom) -> None:
    late, front = await room.missed_once()
    await room.pass_time(LEASE_MS)
    await room.pass_time(FRONT_ROW_MS)

    assert (await room.poll(front))["state"] == "missed"
    check_refused(await room.send(late, front), 410, "ticket_missed")
    assert (await room.send(late)).status_code == 202


async def test_a_claim_in_the_last_moment_is_seen_after_an_earlier_miss_was_looked_up(
    room: WaitingRoom,
) -> None:
    _, ticket, next_one, next_ticket = await room.missed()
    assert (await room.poll(ticket))["state"] == "missed"

    assert (await room.send(next_one, next_ticket)).status_code == 202
    await room.pass_time(WINDOW_MS)

    assert (await room.poll(next_ticket))["state"] == "claimed"
    assert (await room.poll(ticket))["state"] == "missed"


async def test_an_older_keys_ticket_is_good_and_is_signed_anew(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]
    older = write_ticket(room.read(ticket), KeyRing({1: OLD}, 1, LOOKUP).sign)

    assert older != ticket
    assert (await room.poll(older))["ticket"] == ticket
    await room.pass_time(LEASE_MS)
    assert (await room.send(fields, older)).status_code == 202


async def test_numbers_of_a_line_that_was_lost_are_void(room: WaitingRoom) -> None:
    await room.fill()
    fields = form()
    ticket = (await room.queue(fields))["ticket"]

    await room.journey.redis.flushall()
    await room.fill()
    await room.keeper.refresh()

    check_refused(await room.ask(ticket), 422, "ticket_invalid")
    check_refused(await room.send(fields, ticket), 422, "ticket_invalid")
    assert (await room.queue(fields))["ticket"] != ticket


async def test_old_figures_are_not_told(room: WaitingRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.fill()
    ticket = (await room.queue())["ticket"]
    monkeypatch.setattr("gateway.http.summaries.STALE_AFTER_SECONDS", 0.0)

    check_refused(await room.ask(ticket), 503, "store_unavailable")


async def test_times_are_told_once_the_line_has_moved(room: WaitingRoom) -> None:
    await room.fill()
    answers: list[dict[str, Any]] = await asyncio.gather(*(room.queue() for _ in range(40)))
    last = max(answers, key=lambda answer: int(answer["position"]))

    for second in range(14):
        await room.journey.set_limit(second + 2)
        await room.pass_time(1_000)
    answer = await room.poll(last["ticket"])
    facts = (await room.journey.client.get("/v1/programmes/42500")).json()

    # One was called in each second; the clock also runs for as long as this took.
    assert answer["position"] == facts["waiting"] == 26
    assert 26 <= answer["eta_seconds"] <= answer["eta_p90_seconds"] <= 60
    assert facts["eta_seconds"] >= answer["eta_seconds"]
