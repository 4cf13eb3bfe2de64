from pathlib import Path

from loadtests.sizing.costs import Step, read_costs, write_costs
from loadtests.sizing.measure import measure
from loadtests.surge.profiles import Process


async def test_every_step_is_found_to_cost_whoever_does_it_something(tmp_path: Path) -> None:
    costs = await measure(tmp_path / "service", people=20, measured_on="here")

    assert costs.steps.keys() == set(Step)
    assert all(costs.steps[step][Process.GATEWAY] > 0 for step in Step)
    assert all(costs.steps[step][Process.REDIS] > 0 for step in (Step.SUBMIT, Step.PHONE, Step.CONFIRM))
    # The code by SMS, and the case.
    assert all(costs.steps[step][Process.WORKER] > 0 for step in (Step.PHONE, Step.CONFIRM))
    write_costs(costs, tmp_path / "costs.json")
    assert read_costs(tmp_path / "costs.json") == costs
