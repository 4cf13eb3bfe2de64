"""A programme that lets in 300 a second, offered ten times as many: who gets in, and how the rest fare."""

import asyncio
import re
import time
from pathlib import Path

from config.settings import CONFIG_DIR
from loadtests.bench.figures import Figure, median_figure
from loadtests.bench.generator import lay_on
from loadtests.bench.http_admissions import ACCEPTED, SLOTS
from loadtests.bench.http_measure import NotAsExpected, ask, say
from loadtests.bench.loads import APPLY, CLAIM, Crowd, Result
from loadtests.bench.plan import BenchPlan, NotRun
from loadtests.bench.requests import apply
from loadtests.bench.servers import gateway, store
from loadtests.people import address

INLET_PER_SECOND = 300
OFFERED_PER_SECOND = 10 * INLET_PER_SECOND
# Twelve ordinary measurements: a minute, unless somebody is in a hurry.
MEASUREMENTS = 12

# As a lone applicant is served, asked so often and for so long.
_PROBES, _PROBE_EVERY_SECONDS = 50, 0.02
# Below this nobody feels a difference, whatever it was before.
_UNFELT_SECONDS = 0.02
_NEVER_SECONDS = 60.0
# Far from the people of the crowd.
_FIRST_PROBE = 50_000_000


async def measure_inlet(plan: BenchPlan) -> list[Figure]:
    shares, refusals_ms, recoveries = [], [], []
    for _ in range(plan.repetitions):
        result, back_seconds = await _offer(plan)
        shares.append(_accepted(result) / (INLET_PER_SECOND * result.seconds))
        refusals_ms.append(_slowest_refusals_ms(result))
        recoveries.append(back_seconds)
        say(f"  accepted {shares[-1]:.2f}, refused in {refusals_ms[-1]:.0f} ms, back in {back_seconds:.1f} s")
    offered = f"{INLET_PER_SECOND}/s let in, {OFFERED_PER_SECOND}/s offered"
    return [
        median_figure(f"{offered}: accepted", shares, "of the inlet", target=0.95),
        median_figure(f"{offered}: p99 of refusals", refusals_ms, "ms", target=100, at_most=True),
        median_figure(f"{offered}: back to normal after", recoveries, "s", target=10, at_most=True),
    ]


async def _offer(plan: BenchPlan) -> tuple[Result, float]:
    programmes = _programmes_with_inlet(plan.work_dir)
    async with (
        store(plan) as redis,
        gateway(plan, redis.url, limit=SLOTS, programmes_dir=programmes) as port,
    ):
        normal_seconds = await _slowest_probe_seconds(port)
        crowd = Crowd(port, 0, MEASUREMENTS * plan.seconds, OFFERED_PER_SECOND)
        result = await lay_on(crowd, plan.client_core)
        back_seconds = await _seconds_until(port, max(2 * normal_seconds, _UNFELT_SECONDS))
    say(f"  {result.answers}")
    return result, result.drain_seconds + back_seconds


def _programmes_with_inlet(folder: Path) -> Path:
    """Write the programme anew, with an inlet and nothing else changed."""
    programmes = folder / "programmes-with-inlet"
    programmes.mkdir(exist_ok=True)
    text = (CONFIG_DIR / "programmes" / "42500.toml").read_text()
    with_inlet, settings = re.subn(
        r"^inlet_per_second = .*$", f"inlet_per_second = {INLET_PER_SECOND}", text, flags=re.MULTILINE
    )
    if settings != 1:
        raise NotRun("the programme's file has no inlet_per_second to be set")
    (programmes / "42500.toml").write_text(with_inlet)
    return programmes


def _accepted(result: Result) -> int:
    return sum(result.answers.get(f"{asked}{ACCEPTED}", 0) for asked in (APPLY, CLAIM))


def _slowest_refusals_ms(result: Result) -> float:
    """Return the highest p99 of all kinds of refusals: that of all together is not above it."""
    kinds = [answer for answer in result.latency if APPLY in answer and not answer.endswith(str(ACCEPTED))]
    if not kinds:
        raise NotAsExpected(f"ten times the inlet and nobody was refused: {result.answers}")
    return max(result.latency[kind].p99_ms for kind in kinds)


async def _slowest_probe_seconds(port: int) -> float:
    return max([await _probe(port, n) for n in range(_PROBES)])


async def _seconds_until(port: int, normal_seconds: float) -> float:
    """Wait until a lone applicant is served as before for a while; return when that while began."""
    began_at = normal_since = time.monotonic()
    in_a_row, n = 0, _PROBES
    while in_a_row < _PROBES:
        if await _probe(port, n) <= normal_seconds:
            in_a_row += 1
        else:
            in_a_row, normal_since = 0, time.monotonic()
        n += 1
        if time.monotonic() - began_at > _NEVER_SECONDS:
            return _NEVER_SECONDS
    return normal_since - began_at


async def _probe(port: int, n: int) -> float:
    await asyncio.sleep(_PROBE_EVERY_SECONDS)
    asked_at = time.monotonic()
    await ask(port, apply(_FIRST_PROBE + n, address(_FIRST_PROBE + n)))
    return time.monotonic() - asked_at
