"""Row 27: an operator lowers the limit from 25 000 to 100 while people apply, and raises it again."""

import asyncio
from contextlib import suppress
from pathlib import Path

from loadtests.chaos.admitting import occupied
from loadtests.chaos.applicants import Ledger, apply_many, check_books
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service

_PEOPLE, _AT_ONCE = 1_500, 400
_HIGH, _LOW = 25_000, 100
_LOWER_ABOVE = 300
_HOLD_SECONDS = 3.0
# Cases end within seconds of one another; whoever is still above the limit then is above it for good.
_MOST_SECONDS = 30.0


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with service(folder, {"QABYLDAU_LIMIT": f"{_HIGH}"}) as stack:
        await stack.keep_whole_aof()
        async with meanwhile(_steer(stack)) as steering:
            await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
            live_when_lowered, converged_seconds = await steering
        losses = await check_books(stack, ledger)
        slots = occupied(stack.aof)
    how = "not" if converged_seconds is None else f"{converged_seconds:.1f} s later"
    return judge(
        ledger,
        losses,
        f"{live_when_lowered} were live when the limit became {_LOW}; below it {how}, as cases ended; taken "
        f"above the limit in force: {slots.over}.",
        held=not slots.over and live_when_lowered > _LOW and converged_seconds is not None,
        seconds=converged_seconds,
    )


async def _steer(stack: Stack) -> tuple[int, float | None]:
    """Return how many were live when the limit was lowered, and after how long they were below it; or not."""

    async def are_many() -> bool:
        return await _live(stack) > _LOWER_ABOVE

    async def are_few() -> bool:
        return await _live(stack) <= _LOW

    await until(are_many)
    await stack.set_limit(_LOW)
    live = await _live(stack)
    converged_seconds: float | None = None
    with suppress(TimeoutError):
        converged_seconds = await until(are_few, _MOST_SECONDS)
    await asyncio.sleep(_HOLD_SECONDS)
    await stack.set_limit(_HIGH)
    return live, converged_seconds


async def _live(stack: Stack) -> int:
    async with stack.redis() as redis:
        service_ms = await redis.execute_command("HGET", "{42500}:door", "svc")
        return int(await redis.zcount("{42500}:slots", f"({service_ms}", "+inf"))


ROW = Row(
    number=27,
    title="limit 25 000 → 100 → 25 000 while people apply",
    expected="nobody let in above the limit in force, nobody put out",
    broken_once="With a lowered limit that no call obeys, 263 slots were taken above it.",
    run=run,
)
