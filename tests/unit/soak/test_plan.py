import pytest

from loadtests.soak.plan import FAULT_EVERY_SECONDS, soak_profile
from loadtests.surge.profiles import Break, Heal, Kill, Process, SetLimit


@pytest.mark.parametrize(("minutes", "times"), [(3, 1), (6, 3), (30, 15)])
def test_something_breaks_every_two_minutes_and_is_whole_again(minutes: int, times: int) -> None:
    profile = soak_profile(minutes)

    begun = [
        fault.at_seconds
        for fault in profile.faults
        if isinstance(fault, Kill | Break) or (isinstance(fault, SetLimit) and fault.limit < profile.limit)
    ]
    assert begun == [60 + FAULT_EVERY_SECONDS * number for number in range(times)]
    ended = [fault for fault in profile.faults if isinstance(fault, Heal | SetLimit)]
    assert not ended or ended[-1].at_seconds < minutes * 60
    assert [fault.at_seconds for fault in profile.faults] == sorted(
        fault.at_seconds for fault in profile.faults
    )


def test_half_an_hour_kills_everybody() -> None:
    killed = {fault.what for fault in soak_profile(30).faults if isinstance(fault, Kill)}

    assert killed == set(Process)
