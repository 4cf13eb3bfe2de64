"""What the tests of the surge have in common."""

import msgspec

from loadtests.surge.casting import Visit, cast
from loadtests.surge.profiles import Mix, Point, Profile

PROFILE = Profile(
    name="try",
    description="A try",
    limit=10,
    curve=(Point(0, 1), Point(10, 1)),
    drain_seconds=5,
    pace=0.1,
)


def crowd(count: int, first_person: int = 0, seed: int = 1, **shares: float) -> list[Visit]:
    """So many visits, one a second."""
    profile = msgspec.structs.replace(PROFILE, mix=Mix(**shares))
    return cast(profile, [float(second) for second in range(count)], seed, first_person)
