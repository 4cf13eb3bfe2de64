"""Row 53: the first SMS provider is down, then slow, then takes every code and delivers none."""

import asyncio
import math
import secrets
import time
from pathlib import Path

import aiohttp
from msgspec import Struct

from loadtests.chaos.applicants import Case, Ledger, Person, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack
from loadtests.chaos.systems import breaker_of, counted, put_fault

# Down and slow show within seconds; that nothing is delivered, after people had a minute to type their codes.
_PEOPLE, _SILENT_SECONDS = 350, 150.0
_EVERY_SECONDS = 0.2

# When the service lets people ask for another code.
_ASK_AGAIN_SECONDS = 61.0

# Whoever has typed the code by then had it from the first message.
_AT_ONCE_SECONDS = 15.0
_FEWEST_AT_ONCE = 0.85
_MOST_TO_NOTICE_SECONDS = 100.0


class _Phase(Struct):
    ledger: Ledger
    began_at: float

    def at_once(self, since: float = 0.0) -> tuple[int, int]:
        """How many came so long after the beginning, and of them, who was confirmed without a second code."""
        came = [case for case in self.ledger.cases if (case.admitted_at or 0) - self.began_at >= since]
        return len(came), sum(map(_is_quick, came))


class _Insistent(Person):
    """Asks for another code when none comes."""

    async def _code(self, case: Case) -> str:
        while True:
            try:
                async with asyncio.timeout(_ASK_AGAIN_SECONDS):
                    return await super()._code(case)
            except TimeoutError:
                await self._give_phone(case)


async def run(folder: Path) -> Measured:
    stack = Stack(folder, {})
    stack.environ |= {
        "QABYLDAU_SMS_SECOND_URL": f"{stack.standins_url}/sms-second",
        "QABYLDAU_SMS_SECOND_LOGIN": "stand-in",
        "QABYLDAU_SMS_SECOND_PASSWORD": "stand-in",
    }
    try:
        await stack.start()
        return await _measure(stack)
    finally:
        await stack.stop()


async def _measure(stack: Stack) -> Measured:
    ledger = Ledger()
    await put_fault(stack, "sms", error_rate=1)
    down = await _come(stack, ledger, most=_PEOPLE)
    await put_fault(stack, "sms", latency_ms=4_000)
    slow = await _come(stack, ledger, most=_PEOPLE)
    await put_fault(stack, "sms")
    await _mended(stack, ledger)
    await put_fault(stack, "sms", swallow=True)
    noticing = asyncio.create_task(_until_noticed(stack))
    silent = await _come(stack, ledger, seconds=_SILENT_SECONDS)
    noticed_seconds = await noticing
    losses = await check_books(stack, ledger)
    first, second = await _taken(stack, "sms"), await _taken(stack, "sms-second")
    asked = await counted(stack, "qabyldau_codes_asked_total", 'outcome="sent"')
    notices = await counted(stack, "qabyldau_messages_total", 'message="notice"', 'outcome="sent"')
    noticed = f"noticed after {noticed_seconds:.0f} s" if math.isfinite(noticed_seconds) else "never noticed"
    before, after = silent.at_once(), silent.at_once(since=noticed_seconds + 1)
    is_quick = all(quick >= _FEWEST_AT_ONCE * came for came, quick in (down.at_once(), slow.at_once(), after))
    return judge(
        ledger,
        losses,
        f"Confirmed with the first code, within {_AT_ONCE_SECONDS:.0f} s: {_of(down.at_once())} while the "
        f"first provider was down, {_of(slow.at_once())} while it was slow, {_of(before)} while it took "
        f"codes and delivered none. That was {noticed}; then {_of(after)}. The "
        f"others had a second code, by the other one: confirmed {ledger.acknowledged} of "
        f"{len(ledger.cases)}. {asked} codes and {notices} notices, {first} + {second} taken.",
        held=is_quick and noticed_seconds <= _MOST_TO_NOTICE_SECONDS and first + second == asked + notices,
        seconds=noticed_seconds if math.isfinite(noticed_seconds) else None,
    )


async def _come(stack: Stack, ledger: Ledger, *, most: float = math.inf, seconds: float = math.inf) -> _Phase:
    """Let people come evenly, and wait until each has been confirmed."""
    phase = _Phase(Ledger(), time.monotonic())
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as group:
        person = _Insistent(session, (stack.url, stack.standins_url), ledger)
        while len(phase.ledger.cases) < most and time.monotonic() < phase.began_at + seconds:
            case = Case(len(ledger.cases), secrets.token_hex(16))
            phase.ledger.cases.append(case)
            ledger.cases.append(case)
            group.create_task(person.apply(case))
            await asyncio.sleep(_EVERY_SECONDS)
    return phase


async def _mended(stack: Stack, ledger: Ledger) -> None:
    """People go on coming, for their messages are what the breaker tries the provider with."""
    while await breaker_of(stack, "sms") != "closed":
        await _come(stack, ledger, seconds=2.0)


async def _until_noticed(stack: Stack) -> float:
    """Return infinity when it was not."""

    async def is_noticed() -> bool:
        return "sms_silent" in stack.log.read_text(errors="replace")

    try:
        return await until(is_noticed, _SILENT_SECONDS)
    except TimeoutError:
        return math.inf


async def _taken(stack: Stack, root: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{stack.standins_url}/{root}/taken") as response,
    ):
        return int((await response.json())["taken"])


def _is_quick(case: Case) -> bool:
    if case.accepted_at is None or case.admitted_at is None:
        return False
    return case.accepted_at - case.admitted_at <= _AT_ONCE_SECONDS


def _of(counts: tuple[int, int]) -> str:
    came, quick = counts
    return f"{quick / max(came, 1):.0%} of {came}"


ROW = Row(
    number=53,
    title="the first SMS provider is down, is slow, says 200 and never delivers",
    expected="the second one carries the codes; no code counts twice, each stays valid",
    broken_once="With each message sent by both, 2 061 were taken of 1 136 asked for, in a shorter run.",
    run=run,
)
