from pathlib import Path

from loadtests.sizing.costs import Step, read_costs, write_costs
from loadtests.sizing.measure import measure
from loadtests.surge.profiles import Process


async def test_every_step_is_measured_and_a_case_costs_everybody_something(tmp_path: Path) -> None:
    costs = await measure(tmp_path / "service", people=20, measured_on="here")

    assert costs.steps.keys() == set(Step)
    assert all(cost >= 0 for each in costs.steps.values() for cost in each.values())
    # The whole case; what is less for twenty people may be lost in what the processes do anyway.
    assert all(costs.steps[Step.CONFIRM][part] > 0 for part in Process)
    write_costs(costs, tmp_path / "costs.json")
    assert read_costs(tmp_path / "costs.json") == costs
