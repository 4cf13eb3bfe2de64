import json
from typing import Any

import aiohttp
import pytest

from loadtests.standins.sms import count_segments, normalise_phone
from workers.systems.errors import SystemAnsweredWrong, SystemUnavailable, WrongReason
from workers.systems.sms import SmscProvider

from .conftest import Standins

FORM = {
    "login": "a",
    "psw": "b",
    "phones": "+77011234567",
    "mes": "Растау коды: 123456",
    "fmt": "3",
    "charset": "utf-8",
}


@pytest.fixture
def provider(standins: Standins, session: aiohttp.ClientSession) -> SmscProvider:
    return SmscProvider(session, f"{standins.url}/sms", 5_000, login="a", password="b", sender="Qabyldau")


async def texts(standins: Standins, phone: str = "%2B77011234567") -> list[str]:
    messages = await standins.get(f"/sms/inbox?phone={phone}")
    assert all(set(message) == {"phone", "text", "at"} for message in messages)
    assert {message["phone"] for message in messages} <= {"+77011234567"}
    return [message["text"] for message in messages]


async def post(standins: Standins, **changes: str) -> Any:
    status, answer = await standins.ask("POST", "/sms/sys/send.php", data={**FORM, **changes})
    assert status == 200
    return answer


async def test_messages_arrive_whole_and_in_order(provider: SmscProvider, standins: Standins) -> None:
    sent = ["Растау коды: 123456 & үңғқөһі", "Код: 654321", "Code 100% +1"]
    for n, text in enumerate(sent):
        await provider.send("+77011234567", text, f"42500-a.{n}")

    assert await texts(standins) == sent


@pytest.mark.parametrize(
    "spelling",
    [
        "+77011234567",
        "%2B77011234567",
        "%2077011234567",
        "77011234567",
        "87011234567",
        "%2B7%20701%20123-45-67",
    ],
)
async def test_the_inbox_takes_a_phone_in_any_usual_spelling(standins: Standins, spelling: str) -> None:
    await post(standins, phones="8 701 123 45 67")

    assert await texts(standins, spelling) == [FORM["mes"]]


async def test_an_inbox_without_a_phone_is_a_bad_request(standins: Standins) -> None:
    assert (await standins.ask("GET", "/sms/inbox"))[0] == 400


async def test_nobody_reads_the_messages_of_another_phone(standins: Standins) -> None:
    await post(standins)

    assert await texts(standins, "77017654321") == []
    assert await texts(standins, "nonsense") == []


async def test_an_emptied_inbox_is_empty(standins: Standins) -> None:
    await post(standins)

    assert (await standins.ask("DELETE", "/sms/inbox"))[0] == 204
    assert await texts(standins) == []


async def test_a_repeat_within_a_minute_is_sent_once_and_is_success_for_the_client(
    provider: SmscProvider, standins: Standins
) -> None:
    for _ in range(3):
        await provider.send("+77011234567", "Код: 123456", "42500-a.1")

    assert await texts(standins) == ["Код: 123456"]


async def test_the_same_id_to_another_phone_is_another_message(standins: Standins) -> None:
    assert (await post(standins, id="m-1"))["id"] == "m-1"
    assert (await post(standins, id="m-1", phones="77017654321"))["id"] == "m-1"
    assert (await post(standins, id="m-1"))["error_code"] == 9


async def test_a_get_sends_too(standins: Standins) -> None:
    status, answer = await standins.ask("GET", "/sms/sys/send.php", params={**FORM, "id": "17"})

    assert (status, answer) == (200, {"id": 17, "cnt": 1})
    assert await texts(standins) == [FORM["mes"]]


async def test_json_sends_too(standins: Standins) -> None:
    body = {"login": "a", "psw": "b", "phones": "77011234567", "mes": "сәлем", "fmt": 3, "id": 18}

    assert await standins.ask("POST", "/sms/rest/send/", json=body) == (200, {"id": 18, "cnt": 1})
    assert await texts(standins) == ["сәлем"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"login": ""}, 2),
        ({"psw": ""}, 2),
        ({"mes": ""}, 1),
        ({"phones": ""}, 1),
        ({"phones": " , ;"}, 1),
        ({"fmt": "0"}, 1),
        ({"charset": "windows-1251"}, 1),
        ({"id": "with space"}, 1),
        ({"id": "x" * 41}, 1),
        ({"phones": "7701123"}, 7),
        ({"phones": "77011234567,77"}, 7),
        ({"phones": "nonsense"}, 7),
    ],
)
async def test_a_bad_message_is_refused_and_not_sent(
    standins: Standins, changes: dict[str, str], code: int
) -> None:
    answer = await post(standins, **changes)

    assert answer["error_code"] == code
    assert answer["error"]
    assert await texts(standins) == []


async def test_without_an_id_each_message_gets_its_own(standins: Standins) -> None:
    assert await post(standins) != await post(standins)
    assert len(await texts(standins)) == 2


async def test_several_phones_each_get_the_message_and_count(standins: Standins) -> None:
    assert (await post(standins, phones="77011234567;+77017654321"))["cnt"] == 2


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("a" * 70 + "ң", 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
async def test_segments_are_counted_as_a_phone_network_does(
    standins: Standins, text: str, segments: int
) -> None:
    assert count_segments(text) == segments
    assert (await post(standins, mes=text))["cnt"] == segments


@pytest.mark.parametrize("phone", ["", "+7701123456", "1" * 16, "nonsense", "٧٧٠١١٢٣٤٥٦٧"])
def test_what_is_no_phone_is_none(phone: str) -> None:
    assert normalise_phone(phone) is None


async def test_the_client_sees_a_bad_phone_as_permanent(provider: SmscProvider) -> None:
    with pytest.raises(SystemAnsweredWrong) as caught:
        await provider.send("+77", "Код: 123456", "42500-a.1")

    assert (caught.value.reason, caught.value.code) == (WrongReason.MESSAGE_REFUSED, 7)


async def test_the_client_sees_a_refused_login_as_an_unusable_provider(
    standins: Standins, session: aiohttp.ClientSession
) -> None:
    provider = SmscProvider(session, f"{standins.url}/sms", 5_000, login="a", password="", sender="")

    with pytest.raises(SystemUnavailable):
        await provider.send("+77011234567", "Код: 123456", "42500-a.1")


async def test_the_longest_id_the_gateway_makes_is_taken(provider: SmscProvider, standins: Standins) -> None:
    await provider.send("+77011234567", json.dumps("ok"), "42500-" + "a" * 26 + ".code-1")

    assert await texts(standins) == ['"ok"']
