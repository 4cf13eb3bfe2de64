from collections.abc import Iterator
from pathlib import Path

import pytest
from arq.worker import Retry

from gateway.counting import read_counts
from tests.integration.workers.world import FAILS, OWNS_OTHERS, PASSES, UNKNOWN, World
from tests.unit.ledgers import opened_ledger
from workers.recovery import recover
from workers.steps import metrics as of_cases
from workers.steps.process_case import MOST_TAKES
from workers.steps.send_code import send_code
from workers.systems import metrics as of_systems

CELLS = (
    of_cases.verifications,
    of_cases.finished,
    of_cases.parked,
    of_cases.case_seconds,
    of_cases.messages,
    of_cases.recovered,
    of_cases.mistakes,
    of_systems._calls,
    of_systems._durations,
)


@pytest.fixture(autouse=True)
def counts_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with opened_ledger(tmp_path / "counts" / "machine:worker-1") as ledger:
        monkeypatch.setattr(of_cases, "LEDGER", ledger)
        monkeypatch.setattr(of_systems, "LEDGER", ledger)
        forget_cells()
        yield tmp_path / "counts"
        forget_cells()


def forget_cells() -> None:
    for cells in CELLS:
        cells.cache_clear()


def counted(counts_dir: Path, name: str) -> dict[tuple[str, ...], float]:
    """What is above zero, by the values of the labels in the order of their names."""
    hidden = {"worker", "programme"}
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label not in hidden): sample.value
        for family in read_counts(counts_dir)
        for sample in family.samples
        if sample.name == f"qabyldau_{name}" and sample.value
    }


async def test_ways_of_cases_are_counted(world: World, counts_dir: Path) -> None:
    for iin in (PASSES, FAILS, UNKNOWN):
        await world.process(await world.accept(iin))

    assert counted(counts_dir, "verifications_total") == {("passed",): 1, ("failed",): 1, ("unknown",): 1}
    assert counted(counts_dir, "cases_finished_total") == {
        ("forwarded",): 1,
        ("refused",): 1,
        ("parked",): 1,
    }
    assert counted(counts_dir, "cases_parked_total") == {("labour_market_unknown",): 1}
    assert counted(counts_dir, "case_seconds_count") == {(): 2}
    assert counted(counts_dir, "system_calls_total") == {
        ("answered", "mobile_citizens"): 3,
        ("answered", "labour_market"): 3,
        ("answered", "e_maket"): 1,
    }
    assert counted(counts_dir, "system_call_seconds_count") == {
        ("mobile_citizens",): 3,
        ("labour_market",): 3,
        ("e_maket",): 1,
    }


@pytest.mark.parametrize(
    ("knobs", "outcome"),
    [({"error_rate": 1}, "status"), ({"hang": True}, "timeout"), ({"wrong_schema": True}, "wrong_schema")],
)
async def test_a_call_that_fails_is_counted_by_its_reason(
    world: World, counts_dir: Path, knobs: dict[str, object], outcome: str
) -> None:
    one = await world.accept()
    await world.fault("mobile-citizens", **knobs)

    with pytest.raises(Retry):
        await world.process(one)
    await world.fault("mobile-citizens")

    assert counted(counts_dir, "system_calls_total") == {(outcome, "mobile_citizens"): 1}


async def test_whose_phones_are_is_counted(world: World, counts_dir: Path) -> None:
    for iin in (PASSES, OWNS_OTHERS):
        await world.process(await world.accept(iin))

    assert counted(counts_dir, "phone_owners_total") == {("own",): 1, ("another",): 1}
    assert counted(counts_dir, "cases_parked_total") == {("contested",): 1}


async def test_a_dead_letter_and_the_mistake_behind_it_are_counted(world: World, counts_dir: Path) -> None:
    one = await world.accept()
    case = f"{{42500}}:case:{one}"
    # redis-py types one method for sync and async.
    await world.tools.store.redis.hset(case, mapping={"body": b"unreadable", "takes": MOST_TAKES - 1})  # type: ignore[misc]

    await world.process(one)

    assert counted(counts_dir, "worker_mistakes_total") == {(): 1}
    assert counted(counts_dir, "cases_parked_total") == {("dead_letter",): 1}


async def test_a_code_is_counted_when_the_provider_has_taken_it(world: World, counts_dir: Path) -> None:
    one = await world.accept()
    sealed = world.tools.keyring.seal(b"\x92\xac+77011234567\xa4code", one)
    await world.tools.store.redis.set(f"{{42500}}:outbox:{one}", sealed)

    await send_code({"tools": world.tools, "job_try": 1}, one)

    assert counted(counts_dir, "messages_total") == {("code", "sent"): 1}
    assert counted(counts_dir, "system_calls_total") == {("answered", "sms"): 1}


async def test_what_a_sweep_finds_is_counted(world: World, counts_dir: Path) -> None:
    await world.accept()
    await world.tools.store.redis.zadd("{42500}:leases", {"gone": 0})

    await recover(world.tools)

    assert counted(counts_dir, "recovered_total") == {("lapsed",): 1}


def test_every_kind_begins_at_nothing(counts_dir: Path) -> None:
    of_cases.begin_counting("42500")
    of_systems.begin_counting()

    reasons = {
        sample.labels["reason"]
        for family in read_counts(counts_dir)
        for sample in family.samples
        if sample.name == "qabyldau_cases_parked_total" and sample.value == 0
    }
    assert reasons == {
        "dead_letter",
        "contested",
        "mobile_citizens_away",
        "labour_market_unknown",
        "labour_market_away",
        "e_maket_away",
        "sms_away",
    }
