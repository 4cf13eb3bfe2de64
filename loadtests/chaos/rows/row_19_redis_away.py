"""Row 19: Redis is away for two seconds: first nobody gets in, then it hangs."""

import asyncio
import time
from pathlib import Path

from loadtests.chaos.applicants import Ledger, apply_many, check_books, effects_in_e_maket
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import meanwhile, until
from loadtests.chaos.proxy import Proxy, proxied
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack, service
from loadtests.chaos.valkey import valkey

_PEOPLE, _AT_ONCE = 1_050, 30
_BEFORE_SECONDS, _AWAY_SECONDS, _BETWEEN_SECONDS = 5.0, 2.0, 10.0
_MOST_SECONDS = 10.0


async def run(folder: Path) -> Measured:
    ledger = Ledger()
    async with valkey(folder / "redis") as server, proxied("127.0.0.1", server.port) as proxy:
        env = {"QABYLDAU_REDIS_URL": f"redis://127.0.0.1:{proxy.port}/0"}
        async with service(folder, env) as stack:
            workers = stack.pids("worker")
            async with meanwhile(_take_away(stack, proxy)) as taking:
                await apply_many(stack.url, stack.standins_url, _PEOPLE, _AT_ONCE, ledger=ledger)
                refused, hung = await taking
            losses = await check_books(stack, ledger)
            is_same = workers == stack.pids("worker")
    return judge(
        ledger,
        losses,
        f"Workers' next effect at E-Maket {refused:.1f} s after connections were refused for "
        f"{_AWAY_SECONDS:.0f} s, and {hung:.1f} s after it hung as long; no worker restarted: {is_same}.",
        held=is_same and max(refused, hung) <= _MOST_SECONDS,
        seconds=max(refused, hung),
    )


async def _take_away(stack: Stack, proxy: Proxy) -> tuple[float, float]:
    """Return how long after Redis was back workers got something done, refused and hanging."""
    await asyncio.sleep(_BEFORE_SECONDS)
    proxy.cut()
    await asyncio.sleep(_AWAY_SECONDS)
    refused = await _until_done(stack, proxy)
    await asyncio.sleep(_BETWEEN_SECONDS)
    proxy.black_hole = True
    await asyncio.sleep(_AWAY_SECONDS)
    return refused, await _until_done(stack, proxy)


async def _until_done(stack: Stack, proxy: Proxy) -> float:
    before = len(await effects_in_e_maket(stack))
    proxy.restore()
    began = time.monotonic()

    async def is_more() -> bool:
        return len(await effects_in_e_maket(stack)) > before

    await until(is_more)
    return time.monotonic() - began


ROW = Row(
    number=19,
    title="Redis is away for 2 s: refuses, then hangs",
    expected="workers go on within 10 s, in the same processes; nothing is lost",
    broken_once="With workers that leave when Redis does the row said: no worker restarted: False.",
    run=run,
)
