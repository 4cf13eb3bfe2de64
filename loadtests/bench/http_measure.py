"""How the rows over HTTP are measured: the same load on one server after the other, again and again."""

import asyncio
import sys
from collections.abc import Mapping

import msgspec

from loadtests.bench.figures import Figure, median_figure, ratio_figure
from loadtests.bench.generator import lay_on
from loadtests.bench.http1 import Answer
from loadtests.bench.loads import Applications, ClosedLoop, Requests, Result
from loadtests.bench.plan import BenchPlan
from loadtests.bench.pool import Pool

WARM_UP_SECONDS = 1.0

# More than a server that reads bodies, or one that does not, answers here. A load that is used up early only
# ends the measurement.
MOST_READ_PER_SECOND = 16_000
MOST_UNREAD_PER_SECOND = 48_000

# So much of the answers must be what the row is about; the rest is what limits let through in between.
_EXPECTED_PART = 0.9

PER_SECOND = "/s"


class NotAsExpected(Exception):
    """A server answered something else than what its row is about."""


class Side(msgspec.Struct, frozen=True):
    """A row: which server is asked, for what, and the answer that counts."""

    port: int
    status: int
    requests: Requests | None = None


class People:
    """Numbers of people, nobody twice: who applies again is no newcomer."""

    def __init__(self) -> None:
        self._next = 0

    def take(self, count: int, address: str | None = None) -> Applications:
        first = self._next
        self._next += count
        return Applications(first, count, address=address)


def requests_for(plan: BenchPlan, per_second: int) -> int:
    return int((plan.seconds + WARM_UP_SECONDS) * per_second)


async def side_by_side(plan: BenchPlan, sides: Mapping[str, Side], people: People) -> dict[str, list[float]]:
    """Return answers per second, in the order of the repetitions; all sides are measured in each of them.

    A side without requests of its own gets newcomers.
    """
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(plan.repetitions):
        for name, side in sides.items():
            requests = side.requests or people.take(requests_for(plan, MOST_READ_PER_SECOND))
            load = ClosedLoop(side.port, requests, plan.seconds, WARM_UP_SECONDS)
            result = await lay_on(load, plan.client_core)
            check(name, result, side.status)
            rates[name].append(result.per_second(str(side.status)))
            say(f"  {name}: {rates[name][-1]:,.0f}{PER_SECOND}")
    return rates


def ratios(rates: Mapping[str, list[float]], ours: str, targets: Mapping[str, float | None]) -> list[Figure]:
    """Write our row against each of the others, and theirs. `targets`: by the name of the other."""
    figures = []
    for other, target in targets.items():
        pairs = list(zip(rates[ours], rates[other], strict=True))
        name = f"{ours} ÷ {other}"
        figures.append(ratio_figure(name, pairs, PER_SECOND, baseline=other, target=target))
    return [*figures, *(median_figure(other, rates[other], PER_SECOND) for other in targets)]


def check(name: str, result: Result, status: int) -> None:
    """Raise NotAsExpected when too few answers were of that status, or when answers are missing."""
    answered = sum(result.answers.values())
    if result.answers.get(str(status), 0) < _EXPECTED_PART * answered or not answered or result.lost:
        raise NotAsExpected(f"{name}: {result.answers}, {result.lost} without an answer")


async def ask(port: int, request: bytes) -> Answer:
    """Send a single request. Raises NotAsExpected when the connection breaks."""
    answered: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
    pool = Pool(port, 1)
    pool.send(request, answered.set_result)
    answer = await answered
    pool.close()
    if answer is None:
        raise NotAsExpected("the connection broke")
    return answer


def say(text: str) -> None:
    """Show how far a run is, beside its result."""
    sys.stderr.write(f"{text}\n")
