"""Row 56: made-up persons take slots and never confirm: how many they hold, and how fast others get in."""

import asyncio
import time
from pathlib import Path

import aiohttp
from msgspec import Struct

from gateway.inflight.figures import read_figures
from gateway.inflight.store import Store, open_redis
from loadtests.chaos.applicants import PROGRAMME, Ledger, apply_many, check_books
from loadtests.chaos.meanwhile import meanwhile
from loadtests.chaos.row import Measured, Row, Verdict
from loadtests.chaos.service import ROOT, Stack, service
from loadtests.chaos.swindlers import Swindler
from loadtests.people import form
from loadtests.surge.programmes import write_programme

# A small house, so that a row is enough: as large a part of it is asked for as of the real one.
_SLOTS, _SHARE_PERCENT, _PER_SECOND = 400, 50, 2
_LEASE_SECONDS, _SHORT_LEASE_SECONDS = 5, 2
_FEW, _MANY = 5, 40
_HONEST, _AT_ONCE = 40, 10
# Long enough for a flood to fill what it can.
_RISE_SECONDS = 2 * _LEASE_SECONDS
_FIRST_MADE_UP = 1_000_000
# Honest people of the quiet house get in this many times as fast at the most, once the lease is short.
_SLOWED = 10.0


class Seen(Struct, frozen=True):
    unconfirmed: int
    per_second: float


async def run(folder: Path) -> Measured:
    rules: dict[str, dict[str, object]] = {
        "leases": {"before_phone_seconds": _LEASE_SECONDS, "unconfirmed_share_percent": _SHARE_PERCENT},
        "limits": {"address": {"count": 10 * _PER_SECOND, "window_seconds": 10}},
    }
    write_programme(folder / "programmes", rules)
    env = {"QABYLDAU_PROGRAMMES_DIR": str(folder / "programmes"), "QABYLDAU_LIMIT": str(_SLOTS)}
    async with service(folder, env) as stack, aiohttp.ClientSession() as session:
        flood, ledger = _Flood(Swindler(session, stack)), Ledger()
        quiet = await _enter(stack, ledger)
        async with meanwhile(flood.keep(_FEW)):
            few = await _enter(stack, ledger)
        async with meanwhile(flood.keep(_MANY)):
            many = await _enter(stack, ledger)
            await _shorten_leases(stack)
            short = await _enter(stack, ledger)
        losses = await check_books(stack, ledger)
    may_hold = _SLOTS * _SHARE_PERCENT // 100
    held = max(few.unconfirmed, many.unconfirmed, short.unconfirmed) <= may_hold
    served = ledger.acknowledged == 4 * _HONEST and short.per_second * _SLOWED >= quiet.per_second
    return Measured(
        verdict=Verdict.HELD if held and served and not losses.lost else Verdict.BROKEN,
        says=f"{_SLOTS} slots, {_SHARE_PERCENT} % for the unconfirmed, leases of {_LEASE_SECONDS} s, "
        f"{_PER_SECOND} forms a second and address. Honest people got in at {quiet.per_second:.1f}/s "
        f"in a quiet house. {_told(_FEW, _LEASE_SECONDS, few)} {_told(_MANY, _LEASE_SECONDS, many)} "
        f"With leases of {_SHORT_LEASE_SECONDS} s: {_told(_MANY, _SHORT_LEASE_SECONDS, short)}",
        acknowledged=ledger.acknowledged,
        lost=losses.lost,
        doubled=losses.doubled,
    )


def _told(addresses: int, lease_seconds: int, seen: Seen) -> str:
    most = min(addresses * _PER_SECOND * lease_seconds, _SLOTS * _SHARE_PERCENT // 100)
    return (
        f"{addresses} addresses held {seen.unconfirmed} slots (computed: at most {most}), honest people "
        f"{seen.per_second:.1f}/s."
    )


async def _enter(stack: Stack, ledger: Ledger) -> Seen:
    """Let so many people in, after a while; as many are unconfirmed as before they came."""
    await asyncio.sleep(_RISE_SECONDS)
    redis = open_redis(stack.redis_url, timeout_ms=5_000)
    figures = await read_figures(Store(redis), PROGRAMME)
    await redis.aclose()
    began, before = time.monotonic(), len(ledger.cases)
    await apply_many(stack.url, stack.standins_url, _HONEST, _AT_ONCE, first=before, ledger=ledger)
    return Seen(figures.unconfirmed if figures else -1, _HONEST / (time.monotonic() - began))


async def _shorten_leases(stack: Stack) -> None:
    control = f"lease_before_phone_seconds={_SHORT_LEASE_SECONDS}"
    process = await asyncio.create_subprocess_exec(
        *(str(ROOT / "qabyldau"), "controls", "set", PROGRAMME, control, "--reason", "flood"),
        cwd=ROOT,
        env=stack.environ,
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise AssertionError("an operator must be able to shorten leases")


class _Flood:
    def __init__(self, swindler: Swindler) -> None:
        self._swindler, self._count = swindler, 0

    async def keep(self, addresses: int) -> None:
        """Send a form of nobody as often as each address is granted one, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for n in range(addresses):
                group.create_task(self._from(f"198.51.100.{n}"))

    async def _from(self, address: str) -> None:
        while True:
            self._count += 1
            await self._swindler.enter(form(_FIRST_MADE_UP + self._count), address)
            await asyncio.sleep(1 / _PER_SECOND)


ROW = Row(
    number=56,
    title="flood of made-up persons from 5 and from 40 addresses",
    expected="n·r·L slots and never above the share; with a short lease honest people get in again",
    broken_once="BROKEN_ONCE_56",
    run=run,
)
