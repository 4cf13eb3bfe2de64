"""Row 37: E-Maket fails in six ways, one after the other, while people come; nobody else may notice."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from loadtests.chaos.applicants import Ledger, check_books, effects_in_e_maket
from loadtests.chaos.judging import judge
from loadtests.chaos.meanwhile import until
from loadtests.chaos.proxy import Proxy, proxied
from loadtests.chaos.row import Measured, Row
from loadtests.chaos.service import Stack
from loadtests.chaos.systems import (
    Times,
    breaker_of,
    calls_of,
    counted,
    people_coming,
    put_fault,
    times_between,
)

_CALM_SECONDS = 10.0

# Waiting cases look again after about as long as they have waited; twice that is too long.
_MOST_DRAIN_SECONDS = 60.0

# What hangs is noticed at the deadline of five seconds, and told within one.
_MOST_TO_OPEN_SECONDS = 8.0

_MOST_EXTRA = 0.10
# Two calls a second of each worker are no load: the budget does not count them.
_FREE_CALLS_A_SECOND = 4

# Verification while E-Maket fails, against calm: what a row of this length can tell from chance.
_MOST_SLOWER_SECONDS = 1.0


class _Kind(Struct, frozen=True):
    name: str
    begin: Callable[[Stack, Proxy], Awaitable[None]]
    seconds: float = 12.0
    opens: bool = True


class _Seen(Struct, frozen=True):
    kind: _Kind
    opened_seconds: float | None
    needed: int
    calls: int
    drain_seconds: float
    verified: Times

    @property
    def extra(self) -> float:
        free = _FREE_CALLS_A_SECOND * self.kind.seconds
        return max(0.0, (self.calls - free) / max(self.needed, 1) - 1)

    @property
    def held(self) -> bool:
        is_open = self.opened_seconds is not None and self.opened_seconds <= _MOST_TO_OPEN_SECONDS
        is_quick = self.drain_seconds <= _MOST_DRAIN_SECONDS
        return (is_open or not self.kind.opens) and self.extra <= _MOST_EXTRA and is_quick

    def is_slower(self, calm: Times) -> bool:
        return self.verified.p99 > calm.p99 + _MOST_SLOWER_SECONDS

    def __str__(self) -> str:
        opened = "closed" if self.opened_seconds is None else f"open after {self.opened_seconds:.1f} s"
        return (
            f"{self.kind.name}, {self.kind.seconds:.0f} s: {opened}, {self.calls} calls for {self.needed} "
            f"cases, drained in {self.drain_seconds:.0f} s; others {self.verified}"
        )


async def _hang(stack: Stack, _: Proxy) -> None:
    await put_fault(stack, "e-maket", hang=True)


async def _answer_500(stack: Stack, _: Proxy) -> None:
    await put_fault(stack, "e-maket", error_rate=1)


async def _answer_429(stack: Stack, _: Proxy) -> None:
    await put_fault(stack, "e-maket", retry_after_seconds=5)


async def _fail_sometimes(stack: Stack, _: Proxy) -> None:
    await put_fault(stack, "e-maket", error_rate=0.3)


async def _swallow(_: Stack, proxy: Proxy) -> None:
    proxy.black_hole = True


async def _cut(_: Stack, proxy: Proxy) -> None:
    proxy.cut()


_KINDS = (
    _Kind("hangs", _hang),
    _Kind("half open", _swallow),
    _Kind("resets", _cut),
    _Kind("503", _answer_500, seconds=30),
    _Kind("429 with Retry-After 5", _answer_429),
    _Kind("3 of 10 calls fail", _fail_sometimes, opens=False),
)


async def run(folder: Path) -> Measured:
    stack, ledger = Stack(folder, {"QABYLDAU_WORKERS": "2"}), Ledger()
    async with proxied("127.0.0.1", int(stack.standins_url.rpartition(":")[2])) as proxy:
        stack.environ["QABYLDAU_E_MAKET_URL"] = f"http://127.0.0.1:{proxy.port}/e-maket"
        try:
            await stack.start()
            async with people_coming(stack, ledger):
                await asyncio.sleep(_CALM_SECONDS)
            await _drained(stack, ledger)
            calm = await times_between(stack, ledger.accepted, "accepted", "forwarding")
            seen = [await _fail(stack, proxy, ledger, kind) for kind in _KINDS]
            held_back = await counted(stack, "qabyldau_system_calls_held_total", 'system="e_maket"')
            losses = await check_books(stack, ledger)
        finally:
            await stack.stop()
    extra = max(one.extra for one in seen)
    return judge(
        ledger,
        losses,
        f"{'. '.join(map(str, seen))}. Extra load at most {extra:.0%}; {held_back} calls put off. *Others*: "
        f"from accepted to verified, which needs no E-Maket; when calm {calm}.",
        held=all(one.held and not one.is_slower(calm) for one in seen),
        seconds=max(one.drain_seconds for one in seen),
    )


async def _fail(stack: Stack, proxy: Proxy, ledger: Ledger, kind: _Kind) -> _Seen:
    first = len(ledger.cases)
    async with people_coming(stack, ledger):
        await until(lambda: _are_at_it(ledger, first))
        before, calls = len(ledger.accepted), await calls_of(stack, "e_maket")
        await kind.begin(stack, proxy)
        opening = asyncio.create_task(_until_open(stack, kind))
        await asyncio.sleep(kind.seconds)
        # All that came to E-Maket by now have made their first call, or were put off.
        calls_then = await calls_of(stack, "e_maket") - calls
        needed = len(ledger.accepted) - before
    ended = time.monotonic()
    await put_fault(stack, "e-maket")
    proxy.restore()
    await _drained(stack, ledger)
    return _Seen(
        kind,
        await opening,
        needed,
        calls_then,
        time.monotonic() - ended,
        await times_between(stack, ledger.cases[first:], "accepted", "forwarding"),
    )


async def _are_at_it(ledger: Ledger, first: int) -> bool:
    return any(case.accepted_at for case in ledger.cases[first:])


async def _until_open(stack: Stack, kind: _Kind) -> float | None:
    async def is_open() -> bool:
        return await breaker_of(stack, "e_maket") == "open"

    try:
        return await until(is_open, kind.seconds)
    except TimeoutError:
        return None


async def _drained(stack: Stack, ledger: Ledger) -> None:
    async def is_empty() -> bool:
        return len(await effects_in_e_maket(stack)) >= len(ledger.accepted)

    await until(is_empty, 180)


ROW = Row(
    number=37,
    title="E-Maket hangs, is half open, resets, answers 503 or 429, or fails now and then",
    expected="the breaker opens, repeats stay within a tenth, Retry-After is kept; others go on",
    broken_once="Woken before all workers knew, cases were sent back to wait: drained after 68 s.",
    run=run,
)
