import aiohttp
import pytest

from tests.integration.standins.conftest import USUAL_IIN, Standins
from workers.systems.mobile_citizens import HttpMobileCitizens

PHONE = "+77011234567"
# Owns the numbers that end like it.
ENDS_ALIKE_IIN = "900101399948"


@pytest.fixture
def base(standins: Standins, session: aiohttp.ClientSession) -> HttpMobileCitizens:
    return HttpMobileCitizens(session, f"{standins.url}/mobile-citizens", 5_000)


@pytest.mark.parametrize(
    ("iin", "phone", "belongs"),
    [
        (USUAL_IIN, PHONE, True),
        (USUAL_IIN, "+77770000000", True),
        (ENDS_ALIKE_IIN, PHONE, False),
        (ENDS_ALIKE_IIN, "+77011239948", True),
    ],
)
async def test_the_answer_follows_from_iin_and_phone(
    base: HttpMobileCitizens, iin: str, phone: str, *, belongs: bool
) -> None:
    assert await base.belongs(application_id="42500-a", iin=iin, phone=phone) is belongs


@pytest.mark.parametrize(("owner", "belongs"), [(USUAL_IIN, True), (ENDS_ALIKE_IIN, False), (None, False)])
async def test_a_test_may_register_a_number(
    base: HttpMobileCitizens, standins: Standins, owner: str | None, *, belongs: bool
) -> None:
    await standins.ask("PUT", "/mobile-citizens/owners", json=[{"phone": PHONE, "iin": owner}])

    assert await base.belongs(application_id="42500-a", iin=USUAL_IIN, phone=PHONE) is belongs
    assert await standins.get("/mobile-citizens/ownerships") == [{"application_id": "42500-a", "askings": 1}]


@pytest.mark.parametrize(
    "phone", ["77011234567", "+7701123456", "+7701123456a", "+7７011234567", f"{PHONE}\n"]
)
async def test_what_is_no_phone_is_refused(standins: Standins, phone: str) -> None:
    question = {"application_id": "42500-a", "iin": USUAL_IIN, "phone": phone}

    status, _ = await standins.ask("POST", "/mobile-citizens/ownerships", json=question)

    assert status == 400
