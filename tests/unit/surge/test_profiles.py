from pathlib import Path

import pytest

from loadtests.surge.__main__ import STANDARD
from loadtests.surge.profiles import (
    Break,
    Heal,
    Kill,
    Knob,
    Process,
    ProfileError,
    SetLimit,
    System,
    load_profiles,
)

SMALL = """
[common]
limit = 10
drain_seconds = 5
pace = 0.1
mix = { keyed = 0.5, refused = 0.1 }

[calm]
description = "Few come"
curve = [[0, 0], [10, 1]]
mix = { refused = 0.2 }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "profiles.toml"
    path.write_text(text)
    return path


def test_every_profile_of_the_issue_is_there() -> None:
    assert set(load_profiles()) == {
        "announcement",
        "morning",
        "retry_storm",
        "duplicates",
        "patient_crowd",
        "bad_data",
        "bots",
        "slow_state_systems",
        "sms_down",
        "worker_killed",
        "redis_restarted",
        "limit_lowered",
        "full_house",
        "soak",
    }


def test_the_standard_set_has_500_slots_and_the_full_house_all_of_them() -> None:
    profiles = load_profiles()

    assert {profiles[name].limit for name in STANDARD} == {500}
    assert profiles["full_house"].limit == 25_000
    assert (profiles["full_house"].people or 0) > 25_000


def test_four_in_ten_are_repeats_as_in_april_2020() -> None:
    assert load_profiles()["duplicates"].mix.duplicates == 0.42


def test_whatever_breaks_heals_again_before_the_last_arrive() -> None:
    for profile in load_profiles().values():
        broken = [fault for fault in profile.faults if isinstance(fault, Break)]
        if broken:
            assert isinstance(profile.faults[-1], Heal)
        assert all(fault.at_seconds < profile.duration_seconds for fault in profile.faults)


def test_a_profile_is_laid_over_what_is_common_to_all(tmp_path: Path) -> None:
    calm = load_profiles(written(tmp_path, SMALL))["calm"]

    assert (calm.name, calm.limit, calm.duration_seconds) == ("calm", 10, 10)
    assert (calm.mix.keyed, calm.mix.refused) == (0.5, 0.2)


def test_faults_are_told_apart_by_what_they_do(tmp_path: Path) -> None:
    faults = """
    faults = [
        { at_seconds = 1, do = "kill", what = "redis" },
        { at_seconds = 2, do = "break", system = "sms", knobs = { error_rate = 0.5 } },
        { at_seconds = 3, do = "limit", limit = 4 },
        { at_seconds = 3, do = "heal" },
    ]
    """
    profile = load_profiles(written(tmp_path, SMALL + faults))["calm"]

    assert profile.faults == (
        Kill(at_seconds=1, what=Process.REDIS),
        Break(at_seconds=2, system=System.SMS, knobs={Knob.ERROR_RATE: 0.5}),
        SetLimit(at_seconds=3, limit=4),
        Heal(at_seconds=3),
    )
    assert [str(fault) for fault in profile.faults] == [
        "kill redis",
        "sms: error_rate 0.5",
        "limit 4",
        "all systems heal",
    ]
    assert profile.needs_this_machine


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[calm]", "[calm"), "is not TOML"),
        (("limit = 10", "limit = 0"), "calm.limit: Expected `int` >= 1"),
        (("pace = 0.1", "speed = 1"), "calm: Object contains unknown field `speed`"),
        (("refused = 0.2", "refused = 2"), "calm.mix.refused: Expected `float` <= 1"),
        (("[10, 1]]", "[10, 0]]"), "calm.curve: nobody arrives"),
        (("[[0, 0]", "[[20, 0]"), "calm.curve: begins at second 0 and never goes back"),
        (("description", 'faults = [{ at_seconds = 1, do = "pray" }]\ndescription'), "calm.faults[0].do"),
        (
            ("mix = { refused = 0.2 }", "hold = { from_second = 3, to_second = 2 }"),
            "calm.hold: ends before it begins",
        ),
    ],
)
def test_a_wrong_profile_is_named_with_its_key_and_the_reason(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(ProfileError) as error:
        load_profiles(written(tmp_path, SMALL.replace(*change)))

    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_faults_out_of_order_are_refused(tmp_path: Path) -> None:
    faults = 'faults = [{ at_seconds = 2, do = "heal" }, { at_seconds = 1, do = "heal" }]'

    with pytest.raises(ProfileError, match="faults: stand in the order of their times"):
        load_profiles(written(tmp_path, SMALL + faults))
