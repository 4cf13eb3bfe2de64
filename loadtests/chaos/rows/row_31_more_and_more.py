"""Row 31: ever more people come than can be let in, whether or not they are answered."""

from pathlib import Path

from loadtests.bench.loads import SENT, Result
from loadtests.chaos.gateway import gateway
from loadtests.chaos.row import Measured, Row, Verdict

_STEPS = (0.5, 1, 2, 5, 10)
_SECONDS = 7.0
_LEAST_PART = 0.9
# A step is reached when nearly all that was planned was sent.
_SENT_PART = 0.95


async def run(folder: Path) -> Measured:
    async with gateway(folder, busy=True) as door:
        capacity = await door.capacity()
        results = [await door.press(step * capacity, _SECONDS) for step in _STEPS]
    reached = [_is_reached(one, step * capacity) for one, step in zip(results, _STEPS, strict=True)]
    goodputs = [one.per_second("202") for one in results]
    part = goodputs[-1] / max(goodputs)
    steps = "; ".join(map(_told, _STEPS, results))
    return Measured(
        verdict=Verdict.HELD if part >= _LEAST_PART and all(reached) else Verdict.BROKEN,
        says=f"Capacity {capacity:.0f}/s on a part of a core. {steps}. Goodput at 10×: {part:.0%} of the peak"
        f"{'' if all(reached) else '; the generator did not reach every rate'}.",
        acknowledged=sum(one.answers.get("202", 0) for one in results),
    )


def _told(step: float, result: Result) -> str:
    admitted, refused = result.latency.get("202"), result.latency.get("503")
    let_in = f"{result.per_second('202'):.0f}/s in" + (
        f" (p50 {admitted.p50_ms:.0f}, p99 {admitted.p99_ms:.0f} ms)" if admitted else ""
    )
    shed = f", {result.per_second('503'):.0f}/s refused (p99 {refused.p99_ms:.0f} ms)" if refused else ""
    late = sum(times for answer, times in result.answers.items() if answer.startswith("late")) + result.lost
    return f"{step}×: {let_in}{shed}" + (f", {late} late or unanswered" if late else "")


def _is_reached(result: Result, per_second: float) -> bool:
    return result.answers[SENT] >= _SENT_PART * per_second * result.seconds


ROW = Row(
    number=31,
    title="open loop at 0.5, 1, 2, 5 and 10 times the capacity",
    expected="goodput at 10× at least 90 % of its peak",
    broken_once="",
    run=run,
)
