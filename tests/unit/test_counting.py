import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from gateway.counting import (
    Ledger,
    Role,
    begin_anew,
    claim_folder,
    count_alive,
    folder_of,
    read_counts,
    read_tallies,
)
from tests.unit.ledgers import opened_ledger

ROOT = Path(__file__).parents[2]
BOUNDS = (0.5, 1.0, 2.0)

# Counts as many as it is told, and dies at once as a crash would have it.
COUNT_AND_DIE = """
import os, sys
from pathlib import Path
from gateway.counting import Ledger
ledger = Ledger()
ledger.open(Path(sys.argv[1]))
calls = ledger.count("calls_total", "Calls.", verb="ask")
seconds = ledger.spread("seconds", "Seconds.", (1.0, 2.0))
for _ in range(int(sys.argv[2])):
    calls.add()
    seconds.add(1.5)
os.kill(os.getpid(), 9)
"""


def count_and_die(folder: Path, times: int) -> None:
    ended = subprocess.run([sys.executable, "-c", COUNT_AND_DIE, folder, str(times)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL


# Claims the folder of a worker, counts once, says where, and waits to be killed.
WORK = """
import sys, time
from pathlib import Path
from gateway.counting import Ledger, claim_folder
folder = claim_folder(Path(sys.argv[1]))
ledger = Ledger()
ledger.open(folder, "worker")
ledger.count("cases_total", "Cases.").add()
(folder / "worker.beat").touch()
print(folder.name.rpartition(":")[2], flush=True)
time.sleep(60)
"""


@contextmanager
def worker(counts_dir: Path) -> Iterator[str]:
    """A worker that lives as long as the block; what its folder is called behind the machine's name."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, counts_dir], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def grow_old(counts_dir: Path, seconds: int) -> None:
    for beat in counts_dir.glob("*/*.beat"):
        os.utime(beat, (time.time() - seconds,) * 2)


def counts(counts_dir: Path) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in read_counts(counts_dir)
        for sample in family.samples
    }


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with opened_ledger(tmp_path / "one") as ledger:
        yield ledger


def test_processes_are_added_up_and_the_dead_lose_nothing(tmp_path: Path) -> None:
    count_and_die(tmp_path / "one", 3)
    count_and_die(tmp_path / "one", 4)

    found = counts(tmp_path)
    assert found[("calls_total", "one", "ask")] == 7
    assert found[("seconds_bucket", "one", "1.0")] == 0
    assert found[("seconds_bucket", "one", "2.0")] == 7
    assert found[("seconds_bucket", "one", "+Inf")] == 7
    assert found[("seconds_count", "one")] == 7
    assert found[("seconds_sum", "one")] == 10.5


def test_each_gateway_has_sums_of_its_own(tmp_path: Path) -> None:
    count_and_die(tmp_path / "one", 3)
    count_and_die(tmp_path / "two", 4)

    found = counts(tmp_path)
    assert (found["calls_total", "one", "ask"], found["calls_total", "two", "ask"]) == (3, 4)


def test_a_new_run_begins_with_nothing_and_leaves_others_alone(tmp_path: Path) -> None:
    count_and_die(tmp_path / "one", 3)
    count_and_die(tmp_path / "two", 4)

    begin_anew(tmp_path / "one")

    assert {gateway for _, gateway, *_ in counts(tmp_path)} == {"two"}


def test_where_nobody_has_counted_yet_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert read_counts(tmp_path / "counts") == []
    begin_anew(folder_of(tmp_path / "counts", 8000))

    assert read_counts(tmp_path / "counts") == []


def test_what_is_looked_at_each_second_is_what_all_counts_have_of_it(tmp_path: Path) -> None:
    count_and_die(tmp_path / "one", 3)
    count_and_die(tmp_path / "one", 4)
    count_and_die(tmp_path / "two", 5)

    assert {
        (one.folder, *dict(one.labels).values()): n for one, n in read_tallies(tmp_path, {"calls"}).items()
    } == {
        ("one", "ask"): 7,
        ("two", "ask"): 5,
    }
    seconds = read_tallies(tmp_path, {"seconds"})
    assert {(one.name, one.labels): n for one, n in seconds.items() if one.folder == "one"} == {
        ("seconds_bucket", (("le", "1.0"),)): 0,
        ("seconds_bucket", (("le", "2.0"),)): 7,
        ("seconds_bucket", (("le", "inf"),)): 0,
        ("seconds_sum", ()): 10.5,
    }


def test_gateways_of_one_machine_are_told_apart_by_their_ports(tmp_path: Path) -> None:
    assert folder_of(tmp_path, 8000) != folder_of(tmp_path, 9000)
    assert folder_of(tmp_path, 8000).parent == tmp_path


def test_each_worker_of_a_machine_has_a_folder_and_a_label_of_its_own(tmp_path: Path) -> None:
    with worker(tmp_path) as first, worker(tmp_path) as second:
        assert (first, second) == ("worker-1", "worker-2")

        assert count_alive(tmp_path) == {Role.WORKER: 2}
        [family] = read_counts(tmp_path)
        assert [(set(sample.labels), sample.value) for sample in family.samples] == [({"worker"}, 1)] * 2


def test_a_worker_that_is_started_again_after_a_crash_counts_on(tmp_path: Path) -> None:
    for _ in range(3):
        with worker(tmp_path) as name:
            assert name == "worker-1"

    assert set(counts(tmp_path).values()) == {3}
    assert len(list(tmp_path.glob("*/*.db"))) == 1


def test_a_worker_that_comes_after_a_long_pause_begins_anew(tmp_path: Path) -> None:
    with worker(tmp_path):
        pass
    grow_old(tmp_path, 61)

    with worker(tmp_path):
        assert set(counts(tmp_path).values()) == {1}


def test_a_folder_is_held_until_its_process_ends(tmp_path: Path) -> None:
    with worker(tmp_path) as name:
        assert claim_folder(tmp_path).name.endswith("worker-2")

    assert name == "worker-1"


async def test_whoever_turns_the_loop_is_alive_and_whoever_is_silent_is_not(tmp_path: Path) -> None:
    with opened_ledger(folder_of(tmp_path, 8000)) as ledger:
        beating = asyncio.create_task(ledger.keep_beating())
        await asyncio.sleep(0)
        assert count_alive(tmp_path) == {Role.GATEWAY: 1}
        beating.cancel()

    grow_old(tmp_path, 6)
    assert count_alive(tmp_path) == {Role.GATEWAY: 0}


def test_nobody_is_alive_where_nobody_has_counted(tmp_path: Path) -> None:
    assert count_alive(tmp_path / "counts") == {}


def test_the_same_labels_set_up_twice_add_to_the_same_number(ledger: Ledger, tmp_path: Path) -> None:
    ledger.count("calls_total", "Calls.", verb="ask").add()
    ledger.count("calls_total", "Calls.", verb="ask").add(2)
    ledger.count("calls_total", "Calls.", verb="tell").add()

    assert counts(tmp_path) == {("calls_total", "one", "ask"): 3, ("calls_total", "one", "tell"): 1}


def test_a_file_that_grows_keeps_what_was_counted_before_and_after(ledger: Ledger, tmp_path: Path) -> None:
    first = ledger.count("calls_total", "Calls.", verb="first")
    first.add()
    for number in range(2_000):
        ledger.count("calls_total", "Calls.", verb=f"{number}").add()
    first.add()

    found = counts(tmp_path)
    assert len(found) == 2_001
    assert found.pop(("calls_total", "one", "first")) == 2
    assert set(found.values()) == {1}


def test_a_file_of_this_moment_that_is_still_empty_is_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    ledger.count("calls_total", "Calls.").add()
    (tmp_path / "one" / "counter_1.db").touch()

    assert counts(tmp_path) == {("calls_total", "one"): 1}


def test_before_a_ledger_is_opened_counting_is_harmless(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.count("calls_total", "Calls.").add()
    ledger.spread("seconds", "Seconds.", BOUNDS).add(9)

    assert list(tmp_path.iterdir()) == []


@given(values=st.lists(st.sampled_from(BOUNDS) | st.floats(0, 3)))
def test_values_spread_as_prometheus_own_histogram_spreads_them(
    values: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("counts")
    registry = CollectorRegistry()
    theirs = Histogram("seconds", "Seconds.", buckets=BOUNDS, registry=registry)
    with opened_ledger(folder / "one") as ledger:
        ours = ledger.spread("seconds", "Seconds.", BOUNDS)
        for value in values:
            ours.add(value)
            theirs.observe(value)

    expected = {
        (sample.name, "one", *sample.labels.values()): sample.value
        for sample in next(iter(registry.collect())).samples
        if sample.name != "seconds_created"
    }
    assert counts(folder) == expected
