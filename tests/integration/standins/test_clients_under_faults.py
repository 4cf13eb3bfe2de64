"""Each client against each knob of the system at its far end."""

from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from workers.systems.e_maket import HttpEMaket
from workers.systems.errors import (
    SystemAnsweredWrong,
    SystemUnavailable,
    UnavailableReason,
    WrongReason,
)
from workers.systems.labour_market import HttpLabourMarket, Outcome
from workers.systems.sms import SmscProvider

from .conftest import CASE, USUAL_IIN, Standins

Call = Callable[[int], Awaitable[object]]
PATIENT_MS, IMPATIENT_MS = 10_000, 150


@pytest.fixture(params=["labour-market", "e-maket", "sms"])
def system(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def call(system: str, standins: Standins, session: aiohttp.ClientSession) -> Call:
    """Call the system's client with this deadline in milliseconds."""

    async def verify(deadline_ms: int) -> None:
        labour_market = HttpLabourMarket(session, f"{standins.url}/labour-market", deadline_ms)
        verdict = await labour_market.verify(
            application_id=CASE.application_id, iin=USUAL_IIN, employer=None, category="entrepreneur"
        )
        assert verdict.outcome is Outcome.PASSED

    async def forward(deadline_ms: int) -> None:
        await HttpEMaket(session, f"{standins.url}/e-maket", deadline_ms).forward(CASE, 1)

    async def send(deadline_ms: int) -> None:
        provider = SmscProvider(
            session, f"{standins.url}/sms", deadline_ms, login="a", password="b", sender=""
        )
        await provider.send("+77011234567", "Код: 123456", "42500-a.1")

    return {"labour-market": verify, "e-maket": forward, "sms": send}[system]


async def effects(standins: Standins) -> dict[str, int]:
    verified = await standins.get("/labour-market/verifications")
    forwarded = await standins.get("/e-maket/applications")
    return {
        "labour-market": sum(asked["askings"] for asked in verified),
        "e-maket": sum(taken["effects"] for taken in forwarded),
        "sms": len(await standins.get("/sms/inbox?phone=77011234567")),
    }


async def unavailable(call: Call, deadline_ms: int = PATIENT_MS) -> UnavailableReason:
    with pytest.raises(SystemUnavailable) as caught:
        await call(deadline_ms)
    return caught.value.reason


async def test_a_mended_system_answers(call: Call, system: str, standins: Standins) -> None:
    await standins.break_system(system, error_rate=1)
    await standins.mend_all()

    await call(PATIENT_MS)

    assert (await effects(standins))[system] == 1


async def test_a_slow_system_is_waited_for(call: Call, system: str, standins: Standins) -> None:
    await standins.break_system(system, latency_ms=200)

    await call(PATIENT_MS)


async def test_a_system_slower_than_the_deadline_times_out(
    call: Call, system: str, standins: Standins
) -> None:
    await standins.break_system(system, latency_ms=2_000)

    assert await unavailable(call, IMPATIENT_MS) is UnavailableReason.TIMEOUT


async def test_a_hanging_system_times_out_without_effect(call: Call, system: str, standins: Standins) -> None:
    await standins.break_system(system, hang=True)

    assert await unavailable(call, IMPATIENT_MS) is UnavailableReason.TIMEOUT

    await standins.mend_all()
    assert (await effects(standins))[system] == 0


async def test_an_error_is_retryable(call: Call, system: str, standins: Standins) -> None:
    await standins.break_system(system, error_rate=1)

    assert await unavailable(call) is UnavailableReason.STATUS
    assert (await effects(standins))[system] == 0


async def test_a_dropped_reply_is_retryable_though_it_took_effect(
    call: Call, system: str, standins: Standins
) -> None:
    await standins.break_system(system, drop_reply=True)

    assert await unavailable(call) is UnavailableReason.CONNECTION
    assert (await effects(standins))[system] == 1


@pytest.mark.parametrize("system", ["e-maket", "sms"], indirect=True)
async def test_the_retry_after_a_dropped_reply_takes_no_second_effect(
    call: Call, system: str, standins: Standins
) -> None:
    await standins.break_system(system, drop_reply=True)
    await unavailable(call)
    await standins.mend_all()

    await call(PATIENT_MS)

    assert (await effects(standins))[system] == 1


async def test_a_wrong_schema_is_permanent(call: Call, system: str, standins: Standins) -> None:
    await standins.break_system(system, wrong_schema=True)

    with pytest.raises(SystemAnsweredWrong) as caught:
        await call(PATIENT_MS)

    assert caught.value.reason is WrongReason.WRONG_SCHEMA


@pytest.mark.parametrize(
    ("knob", "reason"), [("trickle", UnavailableReason.TIMEOUT), ("truncate", UnavailableReason.CONNECTION)]
)
async def test_a_reply_without_an_end_is_given_up(
    call: Call, system: str, standins: Standins, knob: str, reason: UnavailableReason
) -> None:
    await standins.break_system(system, **{knob: True})

    assert await unavailable(call, 2 * IMPATIENT_MS) is reason


@pytest.mark.parametrize(
    ("knob", "reason"),
    [
        ("huge", WrongReason.TOO_LARGE),
        ("gzip_bomb", WrongReason.ENCODED),
        ("ok_with_error", WrongReason.WRONG_SCHEMA),
    ],
)
async def test_a_reply_that_nobody_can_use_is_refused(
    call: Call, system: str, standins: Standins, knob: str, reason: WrongReason
) -> None:
    await standins.break_system(system, **{knob: True})

    with pytest.raises(SystemAnsweredWrong) as caught:
        await call(PATIENT_MS)

    assert caught.value.reason is reason
    assert not caught.value.is_readable


async def test_a_system_that_names_a_time_is_heard(call: Call, system: str, standins: Standins) -> None:
    await standins.break_system(system, retry_after_seconds=7)

    with pytest.raises(SystemUnavailable) as caught:
        await call(PATIENT_MS)

    assert caught.value.retry_after_seconds == 7
    assert (await effects(standins))[system] == 0


async def test_one_broken_system_leaves_the_others_alone(call: Call, system: str, standins: Standins) -> None:
    for other in {"labour-market", "e-maket", "sms", "fund"} - {system}:
        await standins.break_system(other, hang=True)

    await call(PATIENT_MS)
