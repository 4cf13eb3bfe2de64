import aiohttp
import pytest

from workers.systems.labour_market import HttpLabourMarket, Outcome, Verdict

from .conftest import DENIED_IIN, FAILS_IIN, KNOWN_LATER_IIN, NEVER_KNOWN_IIN, USUAL_IIN, Standins

PASSED = Verdict(Outcome.PASSED, None)
FAILED = Verdict(Outcome.FAILED, "not_employed")
UNKNOWN = Verdict(Outcome.UNKNOWN, "no_record")


@pytest.fixture
def labour_market(standins: Standins, session: aiohttp.ClientSession) -> HttpLabourMarket:
    return HttpLabourMarket(session, f"{standins.url}/labour-market", 5_000)


@pytest.mark.parametrize(
    ("iin", "verdicts"),
    [
        (USUAL_IIN, [PASSED] * 3),
        (FAILS_IIN, [FAILED] * 3),
        (NEVER_KNOWN_IIN, [UNKNOWN] * 4),
        (KNOWN_LATER_IIN, [UNKNOWN, UNKNOWN, PASSED, PASSED]),
        (DENIED_IIN, [PASSED] * 3),
        # The serial counts only whole and in its place.
        ("999099909990", [PASSED]),
        ("000000099100", [PASSED]),
    ],
)
async def test_the_verdict_follows_from_the_iin(
    labour_market: HttpLabourMarket, iin: str, verdicts: list[Verdict]
) -> None:
    answers = [
        await labour_market.verify(
            application_id="42500-a", iin=iin, employer="240140990014", category="business_employee"
        )
        for _ in verdicts
    ]

    assert answers == verdicts


async def test_askings_are_counted_for_each_application(
    labour_market: HttpLabourMarket, standins: Standins
) -> None:
    for application_id in ("42500-a", "42500-b", "42500-a"):
        verdict = await labour_market.verify(
            application_id=application_id, iin=KNOWN_LATER_IIN, employer=None, category="entrepreneur"
        )
        assert verdict == UNKNOWN

    assert await standins.get("/labour-market/verifications") == [
        {"application_id": "42500-a", "askings": 2},
        {"application_id": "42500-b", "askings": 1},
    ]


@pytest.mark.parametrize(
    "iin", ["90010130042", "9001013004233", "90010130042a", "９00101300423", "900101300423\n"]
)
async def test_what_is_no_iin_is_refused(standins: Standins, iin: str) -> None:
    question = {"application_id": "42500-a", "iin": iin, "employer": None, "category": "entrepreneur"}

    status, _ = await standins.ask("POST", "/labour-market/verifications", json=question)

    assert status == 400


@pytest.mark.parametrize("iin", [USUAL_IIN, FAILS_IIN, NEVER_KNOWN_IIN, KNOWN_LATER_IIN, DENIED_IIN])
def test_the_ready_iins_have_a_valid_check_digit(iin: str) -> None:
    digits = [int(digit) for digit in iin]

    assert sum(digit * weight for weight, digit in enumerate(digits[:11], 1)) % 11 == digits[11]
