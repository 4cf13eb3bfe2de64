import traceback
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from workers.systems.e_maket import Forwarding, HttpEMaket
from workers.systems.errors import SystemFailure
from workers.systems.labour_market import HttpLabourMarket
from workers.systems.sms import SmscProvider

from .conftest import FarEnd

PHONE, TEXT, PASSWORD = "+77011234567", "Код: 123456", "s3cret"
CANARIES = ("900101300423", "KZ86125KZT5004100100", "Сапарқызы", "77011234567", "123456", "s3cret", "a@b.kz")

CASE = Forwarding(
    application_id="42500-a",
    number="42500-2026-0000001",
    programme="42500",
    category="entrepreneur",
    iin="900101300423",
    employer=None,
    full_name="Әсем Сапарқызы",
    iban="KZ86125KZT5004100100",
    email="a@b.kz",
    accepted_at=datetime(2026, 4, 8, 3, tzinfo=UTC),
)

# What a careless system might repeat, each as the whole answer and as the value of every field we read.
ECHO = " ".join(CANARIES)
ANSWERS: list[object] = [
    ECHO,
    {
        "verdict": ECHO,
        "reason": ECHO,
        "application_id": ECHO,
        "number": ECHO,
        "id": [ECHO],
        "error_code": ECHO,
    },
    {"verdict": "fail", "reason": ECHO, "error": ECHO, "error_code": 7},
    {"application_id": "42500-a", "number": ECHO, "error": ECHO, "error_code": 9},
]


async def call(name: str, session: aiohttp.ClientSession, url: str) -> None:
    match name:
        case "labour_market":
            await HttpLabourMarket(session, url, 5_000).verify(
                application_id="42500-a", iin=CASE.iin, employer=None, category=CASE.category
            )
        case "e_maket":
            await HttpEMaket(session, url, 5_000).forward(CASE, 1)
        case _:
            provider = SmscProvider(session, url, 5_000, login="a", password=PASSWORD, sender="")
            await provider.send(PHONE, TEXT, "m-1")


@pytest.mark.parametrize("status", [200, 302, 409, 422, 429, 500])
@pytest.mark.parametrize("content", ANSWERS)
@pytest.mark.parametrize("name", ["labour_market", "e_maket", "sms"])
async def test_what_was_sent_or_answered_stands_in_no_error(
    session: aiohttp.ClientSession, far_end: FarEnd, name: str, content: object, status: int
) -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(content, status=status)

    url = await far_end(handle)

    with pytest.raises(SystemFailure) as caught:
        await call(name, session, url)

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert caught.value.__cause__ is None
    assert [canary for canary in CANARIES if canary in shown] == []


def test_a_forwarding_shows_only_its_id() -> None:
    assert repr(CASE) == "Forwarding(42500-a)"
