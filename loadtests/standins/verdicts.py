"""What the state systems answer is drawn from the IIN: a test chooses it by choosing a person."""

from enum import StrEnum

# Digits 8 to 11 of the IIN are its serial. Only whole, rare serials mean something: random people pass.
_SERIAL = slice(7, 11)


class Fate(StrEnum):
    PASSES_AND_IS_ASSIGNED = "passes_and_is_assigned"
    LABOUR_MARKET_FAILS = "labour_market_fails"
    LABOUR_MARKET_NEVER_KNOWS = "labour_market_never_knows"
    LABOUR_MARKET_KNOWS_LATER = "labour_market_knows_later"
    FUND_DENIES = "fund_denies"
    OWNS_WHAT_ENDS_ALIKE = "owns_what_ends_alike"


_FATES = {
    "9990": Fate.LABOUR_MARKET_FAILS,
    "9991": Fate.LABOUR_MARKET_NEVER_KNOWS,
    "9992": Fate.LABOUR_MARKET_KNOWS_LATER,
    "9993": Fate.FUND_DENIES,
    "9994": Fate.OWNS_WHAT_ENDS_ALIKE,
}


def fate_of(iin: str) -> Fate:
    return _FATES.get(iin[_SERIAL], Fate.PASSES_AND_IS_ASSIGNED)
