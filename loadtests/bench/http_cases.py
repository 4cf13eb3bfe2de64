"""The rows over HTTP."""

from loadtests.bench.http_admissions import measure_admissions, measure_round_trips
from loadtests.bench.http_counting import measure_counting
from loadtests.bench.http_filling import measure_filling
from loadtests.bench.http_goodput import measure_goodput
from loadtests.bench.http_inlet import measure_inlet
from loadtests.bench.http_polls import measure_polls
from loadtests.bench.http_processes import measure_second_process
from loadtests.bench.http_refusals import measure_full, measure_shed
from loadtests.bench.plan import Case

CASES: dict[str, Case] = {
    "admissions": measure_admissions,
    "round-trips": measure_round_trips,
    "full": measure_full,
    "shed": measure_shed,
    "polls": measure_polls,
    "filling": measure_filling,
    "second-process": measure_second_process,
    "inlet": measure_inlet,
    "goodput": measure_goodput,
    "counting": measure_counting,
}
