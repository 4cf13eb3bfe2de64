"""From what was seen to a verdict: a promise was kept only if every acknowledged case is there, once."""

from loadtests.chaos.applicants import Ledger, Losses
from loadtests.chaos.row import Measured, Verdict

# What a durability row must have acknowledged for its zero to mean something.
LEAST_ACKNOWLEDGED = 1_000


def judge(ledger: Ledger, losses: Losses, says: str, *, held: bool, seconds: float | None = None) -> Measured:
    """`held`: whether all held that the row asks for besides."""
    is_enough = ledger.acknowledged >= LEAST_ACKNOWLEDGED
    is_kept = not losses.lost and not losses.doubled
    return Measured(
        verdict=Verdict.HELD if held and is_enough and is_kept else Verdict.BROKEN,
        says=f"{says} {losses.says}".strip(),
        acknowledged=ledger.acknowledged,
        lost=losses.lost,
        doubled=losses.doubled,
        seconds=seconds,
    )
