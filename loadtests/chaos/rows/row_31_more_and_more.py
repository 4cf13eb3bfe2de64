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
    results: list[Result] = []
    async with gateway(folder) as door:
        capacity = await door.capacity()
        for step in _STEPS:
            results.append(await door.press(step * capacity, _SECONDS))
            if results[-1].answers[SENT] < _SENT_PART * step * capacity * _SECONDS:
                # One generator sends no more than this, so that the next would be the same.
                break
    goodputs = [one.per_second("202") for one in results]
    part, highest = goodputs[-1] / max(goodputs), results[-1].per_second(SENT) / capacity
    steps = "; ".join(map(_told, _STEPS, results))
    return Measured(
        verdict=Verdict.HELD if part >= _LEAST_PART else Verdict.BROKEN,
        says=f"Capacity {capacity:.0f}/s, store and gateway on one core. {steps}. Goodput at the "
        f"highest that one generator sent, {highest:.1f}×: {part:.0%} of the peak.",
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


ROW = Row(
    number=31,
    title="open loop at 0.5, 1, 2, 5 and 10 times the capacity, or as much as one generator sends",
    expected="goodput at the highest at least 90 % of its peak",
    broken_once="On a machine that others used, goodput at 10× was 9 % of its peak, and the row said so.",
    run=run,
)
