from collections.abc import Sequence

from loadtests.surge.verdicts import Verdict

# Enough to see where to look; what is more is only counted.
_MOST_TOLD = 10


def judged(name: str, expected: str, faults: Sequence[str], found: str | None = None) -> Verdict:
    """Hold what has no fault; the first faults are told, as ids and numbers that are nobody's."""
    more = [f"and {len(faults) - _MOST_TOLD} more"] if len(faults) > _MOST_TOLD else []
    detail = "; ".join([*faults[:_MOST_TOLD], *more])
    return Verdict(name, not faults, expected, found or str(len(faults)), detail)


def not_checked(name: str, expected: str) -> Verdict:
    """Say that a rule could not be looked into; that is nothing against the service."""
    return Verdict(
        name, held=True, expected=expected, found="not checked", detail="the service runs elsewhere"
    )
