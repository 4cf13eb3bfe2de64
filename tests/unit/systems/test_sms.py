import aiohttp
import pytest
from aiohttp import web

from workers.systems.errors import (
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
    WrongReason,
)
from workers.systems.sms import SmscProvider

from .conftest import FarEnd, Handler


def answer_with(content: object) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(content)

    return handle


async def send(session: aiohttp.ClientSession, url: str, *, sender: str = "") -> None:
    provider = SmscProvider(session, url, 5_000, login="qabyldau", password="p&w=1", sender=sender)
    await provider.send("+77011234567", "Код: 123456 & больше", "42500-a.code-1")


async def test_a_message_goes_as_a_form_and_leaves_nothing_in_the_url(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    urls: list[str] = []
    forms: list[dict[str, object]] = []

    async def handle(request: web.Request) -> web.Response:
        urls.append(request.path_qs)
        forms.append(dict(await request.post()))
        return web.json_response({"id": 1, "cnt": 1})

    await send(session, await far_end(handle), sender="Qabyldau")

    assert urls == ["/sys/send.php"]
    assert forms[0] == {
        "login": "qabyldau",
        "psw": "p&w=1",
        "sender": "Qabyldau",
        "fmt": "3",
        "charset": "utf-8",
        "phones": "+77011234567",
        "mes": "Код: 123456 & больше",
        "id": "42500-a.code-1",
    }


async def test_without_a_sender_the_name_is_left_to_the_provider(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    fields: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        fields.extend(await request.post())
        return web.json_response({"id": 1, "cnt": 1})

    await send(session, await far_end(handle))

    assert "sender" not in fields


@pytest.mark.parametrize(
    "content",
    [
        {"id": 1, "cnt": 1},
        {"id": "42500-a.code-1", "cnt": 2},
        {"id": 1, "cnt": 1, "cost": "1.40", "balance": "100.50"},
        {"error": "duplicate request, wait a minute", "error_code": 9},
    ],
)
async def test_a_message_that_the_provider_has_is_sent(
    session: aiohttp.ClientSession, far_end: FarEnd, content: dict[str, object]
) -> None:
    await send(session, await far_end(answer_with(content)))


@pytest.mark.parametrize("code", [1, 7, 8])
async def test_a_message_that_will_never_go_is_refused_for_good(
    session: aiohttp.ClientSession, far_end: FarEnd, code: int
) -> None:
    url = await far_end(answer_with({"error": "+77011234567", "error_code": code, "id": 5}))

    with pytest.raises(SystemAnsweredWrong) as caught:
        await send(session, url)

    assert (caught.value.reason, caught.value.code) == (WrongReason.MESSAGE_REFUSED, code)


@pytest.mark.parametrize("code", [2, 3, 4, 6, 99])
async def test_a_provider_that_can_send_nothing_is_unavailable(
    session: aiohttp.ClientSession, far_end: FarEnd, code: int
) -> None:
    url = await far_end(answer_with({"error": "no", "error_code": code}))

    with pytest.raises(SystemUnavailable) as caught:
        await send(session, url)

    assert caught.value.reason is UnavailableReason.STATUS


async def test_too_many_calls_at_once_are_not_taken_for_a_duplicate(
    session: aiohttp.ClientSession, far_end: FarEnd
) -> None:
    url = await far_end(answer_with({"error": "too many concurrent requests", "error_code": 9}))

    with pytest.raises(SystemUnavailable) as caught:
        await send(session, url)

    assert caught.value.reason is UnavailableReason.RATE_LIMITED


@pytest.mark.parametrize("content", [{}, {"id": 1}, {"cnt": 1}, {"id": None, "cnt": 1}, {"error": "no"}, []])
async def test_neither_an_id_nor_an_error_is_a_wrong_answer(
    session: aiohttp.ClientSession, far_end: FarEnd, content: object
) -> None:
    with pytest.raises(SystemAnsweredWrong) as caught:
        await send(session, await far_end(answer_with(content)))

    assert caught.value.reason is WrongReason.WRONG_SCHEMA
