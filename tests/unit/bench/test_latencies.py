from loadtests.bench.agenda import plan_arrivals
from loadtests.bench.latencies import Latencies, Latency


def test_percentiles_are_latencies_that_were_measured() -> None:
    latencies = Latencies()
    for n in range(200, 0, -1):
        latencies.add(202, n / 1000)
    latencies.add(503, 0.25)

    assert latencies.counts() == {"202": 200, "503": 1}
    assert latencies.summaries() == {
        "202": Latency(p50_ms=100, p99_ms=198, most_ms=200),
        "503": Latency(p50_ms=250, p99_ms=250, most_ms=250),
    }


def test_arrivals_are_planned_in_order_within_the_time_and_always_alike() -> None:
    arrivals = plan_arrivals(per_second=100, seconds=50)

    assert arrivals == sorted(arrivals)
    assert 0 < arrivals[0] < arrivals[-1] < 50
    # Five standard deviations of a Poisson number, and the seed is fixed.
    assert abs(len(arrivals) - 5_000) < 350
    assert arrivals == plan_arrivals(per_second=100, seconds=50)
    assert arrivals != plan_arrivals(per_second=100, seconds=50, seed=1)
