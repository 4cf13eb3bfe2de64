import tomllib
from pathlib import Path

import msgspec

from config.settings import CONFIG_DIR
from gateway.domain.programme import load_programme
from loadtests.surge.plan import Closed, Plan, decode_plan, encode_plan, read_plan, write_plan
from loadtests.surge.profiles import load_profiles
from loadtests.surge.programmes import write_programme

PLAN = Plan(
    profile=load_profiles()["worker_killed"],
    per_second=3.5,
    seed=1,
    gateway="http://127.0.0.1:1",
    standins="http://127.0.0.1:2",
    programme="42500",
    folder=Path("build") / "surge",
)


def test_a_plan_survives_its_way_to_other_processes(tmp_path: Path) -> None:
    closed = msgspec.structs.replace(PLAN, closed=Closed(3, 1.5))
    write_plan(PLAN, tmp_path / "plan.json")

    assert read_plan(tmp_path / "plan.json") == PLAN
    assert decode_plan(encode_plan(closed)) == closed
    assert decode_plan(encode_plan(PLAN)).visits() == PLAN.visits()


def test_processes_share_out_all_visits() -> None:
    visits = PLAN.visits()

    shared = [visit for index in range(3) for visit in visits[index::3]]
    assert sorted(visit.ordinal for visit in shared) == [visit.ordinal for visit in visits]


def test_a_programme_is_the_one_in_force_with_what_a_profile_overrides(tmp_path: Path) -> None:
    write_programme(
        tmp_path, {"leases": {"before_phone_seconds": 7}, "waiting_room": {"calls_per_second": 9}}
    )

    original = load_programme(CONFIG_DIR / "programmes" / "42500.toml")
    written = load_programme(tmp_path / "42500.toml")
    assert written.leases.before_phone_seconds == 7
    assert written.waiting_room.calls_per_second == 9
    assert written.leases.after_code_seconds == original.leases.after_code_seconds
    assert (written.titles, written.categories, written.phone) == (
        original.titles,
        original.categories,
        original.phone,
    )


def test_without_overrides_the_same_is_written(tmp_path: Path) -> None:
    write_programme(tmp_path, {})

    original = (CONFIG_DIR / "programmes" / "42500.toml").read_text("utf-8")
    assert tomllib.loads((tmp_path / "42500.toml").read_text("utf-8")) == tomllib.loads(original)


def test_every_profile_makes_a_valid_programme(tmp_path: Path) -> None:
    for name, profile in load_profiles().items():
        write_programme(tmp_path / name, profile.programme)
        load_programme(tmp_path / name / "42500.toml")
