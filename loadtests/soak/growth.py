"""From samples to one line for each kind of process: whether it grows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from enum import StrEnum
from statistics import median

from msgspec import Struct

from loadtests.soak.processes import Seen
from loadtests.soak.slopes import Slope, after_warm_up, slope_of

# Caches, pools and arenas fill at first.
_WARM_UP_SECONDS = 180.0

# Six megabytes an hour: below it a process that is started anew once a month does not notice.
MOST_KB_A_MINUTE = 100.0
# One in five minutes: of files, a leak is one for each of something.
MOST_FILES_A_MINUTE = 0.2

# These keep what people sent, so they grow with it: told for each application.
KEEPERS = frozenset({"Valkey", "stand-ins"})


class Growing(StrEnum):
    FLAT = "flat"
    GROWS = "GROWS"
    UNKNOWN = "not known"
    KEEPS = "keeps data"


class Growth(Struct, frozen=True):
    role: str
    lives: int
    memory_kb: float
    memory: Slope | None
    files: Slope | None
    open_files: float
    verdict: Growing


def growths(seen: Iterable[Seen]) -> Iterator[Growth]:
    by_role: dict[str, dict[int, list[Seen]]] = defaultdict(lambda: defaultdict(list))
    for one in seen:
        by_role[one.role][one.pid].append(one)
    for role, lives in sorted(by_role.items()):
        every = [one for life in lives.values() for one in life]
        memory = slope_of(_lives(lives, "anonymous_kb"))
        files = slope_of(_lives(lives, "files"))
        yield Growth(
            role,
            len(lives),
            median(one.anonymous_kb for one in every),
            memory,
            files,
            median(one.files for one in every),
            _judge(role, memory, files),
        )


def _lives(lives: dict[int, list[Seen]], name: str) -> Iterator[list[tuple[float, float]]]:
    for life in lives.values():
        samples = [(one.at_us / 1_000_000, float(getattr(one, name))) for one in life]
        yield after_warm_up(samples, _WARM_UP_SECONDS)


def _judge(role: str, memory: Slope | None, files: Slope | None) -> Growing:
    """Grows: the whole interval is above the bound. Flat: the whole of it is below."""
    bounds = [(files, MOST_FILES_A_MINUTE)]
    if role not in KEEPERS:
        bounds.append((memory, MOST_KB_A_MINUTE))
    if any(slope and slope.least > most for slope, most in bounds):
        return Growing.GROWS
    if role in KEEPERS:
        return Growing.KEEPS
    if all(slope and slope.most <= most for slope, most in bounds):
        return Growing.FLAT
    return Growing.UNKNOWN
